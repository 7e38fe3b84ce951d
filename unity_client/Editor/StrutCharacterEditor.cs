#nullable enable
using Strut.Core;
using UnityEditor;
using UnityEngine;

namespace Strut.Motion.Editor
{
    /// <summary>A character's inspector: its sliders act in play mode, and it shows how the motion comes in.</summary>
    [CustomEditor(typeof(StrutCharacter))]
    [CanEditMultipleObjects]
    internal sealed class StrutCharacterEditor : UnityEditor.Editor
    {
        public override void OnInspectorGUI()
        {
            serializedObject.Update();
            EditorGUI.BeginChangeCheck();
            DrawDefaultInspector();
            serializedObject.ApplyModifiedProperties();
            if (EditorGUI.EndChangeCheck())
            {
                foreach (var edited in targets)
                {
                    ((StrutCharacter)edited).MarkChanged();
                }
            }

            if (Application.isPlaying && targets.Length == 1)
            {
                Live((StrutCharacter)target);
            }
        }

        public override bool RequiresConstantRepaint() => Application.isPlaying;

        private static void Live(StrutCharacter character)
        {
            EditorGUILayout.Space();
            if (!(character.Character is Character moved))
            {
                EditorGUILayout.HelpBox("Not connected: see the console.", MessageType.Warning);
                return;
            }

            EditorGUILayout.LabelField("State", moved.State.ToString());
            EditorGUILayout.LabelField("Motion in hand", $"{moved.LeadSeconds * 1000:F0} ms");
            EditorGUILayout.LabelField("Detail", $"{moved.Detail}, priority {moved.Priority}");
            if (moved.LastFailure is Failure failure)
            {
                EditorGUILayout.HelpBox(failure.ToString(), MessageType.Error);
            }

            if (moved.IsOverridden)
            {
                EditorGUILayout.HelpBox("A designer overrides this character's controls.", MessageType.Info);
            }
        }
    }
}
