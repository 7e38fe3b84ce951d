#nullable enable
using System.Collections.Generic;
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

        [Tooltip("The scene in words, such as a windy ridge at night, for servers that read them; else the preset counts.")]
        [SerializeField]
        private string text = "";

        [Tooltip("How strongly the scene shows.")]
        [Range(0f, 1.5f)]
        [SerializeField]
        private float alpha = 1f;

        [Tooltip("Of several volumes around a character the highest counts.")]
        [SerializeField]
        private int priority;

        // Once for each of a character's colliders.
        private readonly List<StrutCharacter> inside = new List<StrutCharacter>();

        /// <summary>The scene preset's name.</summary>
        public string Preset
        {
            get => preset;
            set => Set(ref preset, value);
        }

        /// <summary>The scene in words; empty for the preset.</summary>
        public string Text
        {
            get => text;
            set => Set(ref text, value);
        }

        /// <summary>How strongly the scene shows, 0 to 1.5.</summary>
        public float Alpha
        {
            get => alpha;
            set => Set(ref alpha, Mathf.Clamp(value, 0f, 1.5f));
        }

        /// <summary>Of several volumes around a character the highest counts.</summary>
        public int Priority => priority;

        private void Reset() => GetComponent<Collider>().isTrigger = true;

        private void OnValidate() => MarkInside();

        private void OnDisable()
        {
            foreach (var character in inside)
            {
                if (character != null)
                {
                    character.LeaveAll(this);
                }
            }

            inside.Clear();
        }

        private void OnTriggerEnter(Collider other)
        {
            var character = other.GetComponentInParent<StrutCharacter>();
            if (character != null)
            {
                inside.Add(character);
                character.Enter(this);
            }
        }

        private void OnTriggerExit(Collider other)
        {
            var character = other.GetComponentInParent<StrutCharacter>();
            if (character != null && inside.Remove(character))
            {
                character.Leave(this);
            }
        }

        private void Set<T>(ref T field, T value)
        {
            if (!EqualityComparer<T>.Default.Equals(field, value))
            {
                field = value;
                MarkInside();
            }
        }

        private void MarkInside()
        {
            foreach (var character in inside)
            {
                if (character != null)
                {
                    character.MarkChanged();
                }
            }
        }
    }
}
