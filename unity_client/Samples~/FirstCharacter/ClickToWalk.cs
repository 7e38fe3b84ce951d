#nullable enable
using UnityEngine;

namespace Strut.Motion.Samples
{
    /// <summary>
    /// Put this on an empty object in a scene with a plane at the origin and a camera that looks at it, start
    /// `strut serve`, and press play: the figure walks to where the pointer is clicked.
    /// </summary>
    public sealed class ClickToWalk : MonoBehaviour
    {
        [SerializeField]
        private float speed = 1.3f;

        [SerializeField]
        private string style = "youthful";

        private readonly Vector3[] path = new Vector3[1];
        private StrutCharacter? character;

        private void Start()
        {
            character = DemoFigure.Make().AddComponent<StrutCharacter>();
            character.SetStyles(new StyleWeight { name = style, weight = 1f });
        }

        private void Update()
        {
            var camera = Camera.main;
            if (character == null || camera == null || !Input.GetMouseButtonDown(0))
            {
                return;
            }

            var ray = camera.ScreenPointToRay(Input.mousePosition);
            var ground = new Plane(Vector3.up, Vector3.zero);
            if (ground.Raycast(ray, out var distance))
            {
                path[0] = ray.GetPoint(distance);
                character.SetPath(path, speed);
            }
        }

        private void OnGUI()
        {
            if (character == null)
            {
                return;
            }

            GUILayout.Label($"{character.State}, strength {character.Strength:F2}");
            character.Strength = GUILayout.HorizontalSlider(character.Strength, 0f, 1.5f, GUILayout.Width(200f));
        }
    }
}
