#nullable enable
using UnityEngine;

namespace Strut.Motion
{
    /// <summary>Walks its character in a circle: the shortest use of <see cref="StrutCharacter"/>.</summary>
    [AddComponentMenu("Strut/Strut Demo Walk")]
    [RequireComponent(typeof(StrutCharacter))]
    public sealed class StrutDemoWalk : MonoBehaviour
    {
        [Tooltip("Metres a second.")]
        [Range(0f, 4f)]
        [SerializeField]
        private float speed = 1.2f;

        [Tooltip("Degrees a second.")]
        [Range(-90f, 90f)]
        [SerializeField]
        private float turn = 20f;

        private StrutCharacter? character;

        private void Awake() => character = GetComponent<StrutCharacter>();

        private void Update()
        {
            if (character != null)
            {
                var ahead = Quaternion.Euler(0f, turn * 0.5f, 0f) * transform.forward;
                character.SetVelocity(ahead * speed);
            }
        }
    }
}
