#nullable enable
using UnityEngine;

namespace Strut.Motion
{
    /// <summary>A trigger that sets the scene of the characters inside: mud, rain, a steep slope.</summary>
    [AddComponentMenu("Strut/Strut Scene Volume")]
    [RequireComponent(typeof(Collider))]
    public sealed class StrutSceneVolume : MonoBehaviour
    {
        [Tooltip("A scene preset's name, as the server lists them.")]
        [SerializeField]
        private string preset = "rain";

        [Tooltip("How strongly the scene shows.")]
        [Range(0f, 1.5f)]
        [SerializeField]
        private float alpha = 1f;

        [Tooltip("Of several volumes around a character the highest counts.")]
        [SerializeField]
        private int priority;

        /// <summary>The scene preset's name.</summary>
        public string Preset
        {
            get => preset;
            set => preset = value;
        }

        /// <summary>How strongly the scene shows, 0 to 1.5.</summary>
        public float Alpha
        {
            get => alpha;
            set => alpha = Mathf.Clamp(value, 0f, 1.5f);
        }

        /// <summary>Of several volumes around a character the highest counts.</summary>
        public int Priority => priority;

        private void Reset() => GetComponent<Collider>().isTrigger = true;

        private void OnTriggerEnter(Collider other)
        {
            var character = other.GetComponentInParent<StrutCharacter>();
            if (character != null)
            {
                character.Enter(this);
            }
        }

        private void OnTriggerExit(Collider other)
        {
            var character = other.GetComponentInParent<StrutCharacter>();
            if (character != null)
            {
                character.Leave(this);
            }
        }
    }
}
