#nullable enable
using System;
using Strut.Core;
using UnityEngine;

namespace Strut.Motion
{
    /// <summary>A rig map as an asset: the JSON that Python, Unity and Unreal share.</summary>
    [CreateAssetMenu(menuName = "Strut/Rig Map", fileName = "RigMap")]
    public sealed class StrutRigMap : ScriptableObject
    {
        [TextArea(10, 40)]
        [SerializeField]
        private string json = "";

        /// <summary>The map as text.</summary>
        public string Text
        {
            get => json;
            set => json = value;
        }

        /// <summary>Whether anything was mapped.</summary>
        public bool IsEmpty => string.IsNullOrWhiteSpace(json);

        /// <summary>The map.</summary>
        /// <exception cref="FormatException">the text is not a rig map; the message names the field.</exception>
        public RigMap Read() => RigMap.FromJson(json);

        /// <summary>Replaces the map.</summary>
        public void Write(RigMap map) => json = map.ToJson();
    }
}
