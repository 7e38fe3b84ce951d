#nullable enable
using System;
using System.Collections.Generic;
using Strut.V1;
using UnityEngine;

namespace Strut.Motion
{
    /// <summary>A stored style and its share in a mix.</summary>
    [Serializable]
    public struct StyleWeight
    {
        [Tooltip("A style's name, as Window > Strut > Styles lists them.")]
        public string name;

        [Range(0f, 1f)]
        public float weight;
    }

    /// <summary>The style of one body part, in place of the whole body's.</summary>
    [Serializable]
    public struct PartStyleWeights
    {
        public BodyPart part;

        [Tooltip("Styles of this part; empty for the whole body's.")]
        public List<StyleWeight> styles;

        [Range(0f, 1.5f)]
        public float strength;
    }

    /// <summary>Turns what the inspector shows into the contract's messages.</summary>
    public static class StyleMessages
    {
        /// <summary>The mix; null for the neutral style.</summary>
        public static StyleMix? Mix(List<StyleWeight> styles, float strength, List<PartStyleWeights> parts)
        {
            if (styles.Count == 0 && parts.Count == 0)
            {
                return null;
            }

            var mix = new StyleMix { Strength = strength };
            Add(mix.Components, styles);
            foreach (var part in parts)
            {
                if (part.part == BodyPart.Unspecified)
                {
                    continue;
                }

                var message = new PartStyle { Part = part.part, Strength = part.strength };
                Add(message.Components, part.styles);
                mix.Parts.Add(message);
            }

            return mix;
        }

        private static void Add(Google.Protobuf.Collections.RepeatedField<StyleComponent> components, List<StyleWeight>? styles)
        {
            foreach (var style in styles ?? new List<StyleWeight>())
            {
                // A weight of 0 for all of them would be refused.
                if (!string.IsNullOrEmpty(style.name) && style.weight > 0f)
                {
                    components.Add(new StyleComponent { Name = style.name, Weight = style.weight });
                }
            }
        }
    }
}
