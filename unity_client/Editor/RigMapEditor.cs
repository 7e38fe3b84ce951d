#nullable enable
using System;
using System.Collections.Generic;
using Strut.Core;
using UnityEditor;
using UnityEngine;

namespace Strut.Motion.Editor
{
    /// <summary>A rig map's inspector: maps a model by its names, takes corrections by hand, previews a pose on it.</summary>
    [CustomEditor(typeof(StrutRigMap))]
    internal sealed class RigMapEditor : UnityEditor.Editor
    {
        private GameObject? model;
        private List<string> missing = new List<string>();
        private string error = "";
        private bool asText;
        private bool asPose;

        public override void OnInspectorGUI()
        {
            var asset = (StrutRigMap)target;
            model = (GameObject?)EditorGUILayout.ObjectField("Model", model, typeof(GameObject), true);
            using (new EditorGUI.DisabledScope(model == null))
            {
                using (new EditorGUILayout.HorizontalScope())
                {
                    if (GUILayout.Button("Map by Names"))
                    {
                        MapByNames(asset, model!);
                    }

                    if (GUILayout.Button("Preview Idle Pose"))
                    {
                        Preview(asset, model!);
                    }
                }
            }

            if (missing.Count > 0)
            {
                EditorGUILayout.HelpBox($"No bone was found for: {string.Join(", ", missing)}", MessageType.Warning);
            }

            if (!asset.IsEmpty)
            {
                Corrections(asset);
            }

            asText = EditorGUILayout.Foldout(asText, "JSON");
            if (asText)
            {
                DrawDefaultInspector();
            }

            if (error.Length > 0)
            {
                EditorGUILayout.HelpBox(error, MessageType.Error);
            }
        }

        private void MapByNames(StrutRigMap asset, GameObject chosen)
        {
            var capture = Capture(chosen);
            Undo.RecordObject(asset, "Map Rig by Names");
            asset.Write(AutoMap.Make(capture.Rig, EngineSpace.Unity, out missing));
            EditorUtility.SetDirty(asset);
            error = "";
        }

        private void Corrections(StrutRigMap asset)
        {
            RigMap map;
            try
            {
                map = asset.Read();
                error = "";
            }
            catch (FormatException problem)
            {
                error = problem.Message;
                return;
            }

            EditorGUI.BeginChangeCheck();
            for (var index = 0; index < map.Bones.Count; index++)
            {
                var entry = map.Bones[index];
                var bone = EditorGUILayout.TextField(Skeleton.Names[entry.Joint], entry.Bone);
                map.Bones[index] = new BoneMap(bone, entry.Joint, entry.Next, entry.Share);
            }

            map.FootIk = EditorGUILayout.Toggle("Lock Feet on the Rig", map.FootIk);
            asPose = EditorGUILayout.Foldout(asPose, "T-Pose Corrections");
            if (asPose)
            {
                TurnToTPose(map);
            }

            var scale = EditorGUILayout.FloatField("Hip Scale (0 measures)", map.HipScale ?? 0f);
            map.HipScale = scale > 0f ? scale : (float?)null;
            if (EditorGUI.EndChangeCheck())
            {
                Undo.RecordObject(asset, "Correct Rig Map");
                asset.Write(map);
                EditorUtility.SetDirty(asset);
            }
        }

        // What turns a bone from the model's rest pose to the T-pose, in place of what is measured for the limbs.
        private static void TurnToTPose(RigMap map)
        {
            foreach (var entry in map.Bones)
            {
                var given = map.TPose.TryGetValue(entry.Bone, out var turn);
                using (new EditorGUILayout.HorizontalScope())
                {
                    var corrected = EditorGUILayout.Toggle(entry.Bone, given);
                    if (corrected)
                    {
                        var before = given ? StrutSpace.ToUnity(turn).eulerAngles : Vector3.zero;
                        var after = EditorGUILayout.Vector3Field("", before);
                        if (!given || after != before)
                        {
                            map.TPose[entry.Bone] = StrutSpace.ToStrut(Quaternion.Euler(after.x, after.y, after.z));
                        }
                    }
                    else if (given)
                    {
                        map.TPose.Remove(entry.Bone);
                    }
                }
            }
        }

        private void Preview(StrutRigMap asset, GameObject chosen)
        {
            if (EditorUtility.IsPersistent(chosen))
            {
                error = "Drag an instance from the scene: an asset is not posed.";
                return;
            }

            try
            {
                var capture = Capture(chosen);
                var retargeter = new Retargeter(capture.Rig, asset.Read());
                retargeter.Retarget(IdlePose.Make());
                foreach (var bone in capture.Bones)
                {
                    Undo.RecordObject(bone, "Preview Rig Map");
                }

                for (var bone = 0; bone < capture.Bones.Length; bone++)
                {
                    capture.Bones[bone].localRotation = StrutSpace.ToUnity(retargeter.LocalRotations[bone]);
                }

                error = "";
            }
            catch (Exception problem) when (problem is ArgumentException || problem is FormatException)
            {
                error = problem.Message;
            }
        }

        private static RigCapture Capture(GameObject chosen)
        {
            var animator = chosen.GetComponentInChildren<Animator>();
            return RigCapture.Of(chosen.transform, animator != null ? animator.avatar : null);
        }
    }
}
