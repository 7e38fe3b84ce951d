#nullable enable
using UnityEngine;

namespace Strut.Motion.Samples
{
    /// <summary>Put this on an empty object, start `strut serve`, press play, and open Strut > Latency.</summary>
    public sealed class Crowd : MonoBehaviour
    {
        [Range(1, 500)]
        [SerializeField]
        private int count = 100;

        [Tooltip("Metres between the characters.")]
        [SerializeField]
        private float spacing = 4f;

        [SerializeField]
        private string[] styles = { "youthful", "elderly", "exhausted", "active", "normal" };

        private void Start()
        {
            var columns = Mathf.CeilToInt(Mathf.Sqrt(count));
            for (var index = 0; index < count; index++)
            {
                var figure = DemoFigure.Make();
                figure.transform.position = new Vector3(index % columns * spacing, 0f, index / columns * spacing);
                figure.AddComponent<StrutCharacter>().SetStyles(new StyleWeight { name = styles[index % styles.Length], weight = 1f });
                figure.AddComponent<StrutDemoWalk>();
            }
        }
    }
}
