#nullable enable
using System.Collections.Generic;
using Strut.V1;
using UnityEditor;
using UnityEngine;

namespace Strut.Motion.Editor
{
    /// <summary>Project Settings > Strut: the server's address, and a test of the connection.</summary>
    internal sealed class StrutSettingsProvider : SettingsProvider
    {
        private const string AssetFolder = "Assets/Resources";

        private readonly ServerQuery<ServerHello> query = new ServerQuery<ServerHello>();
        private SerializedObject? settings;

        private StrutSettingsProvider() : base("Project/Strut", SettingsScope.Project)
        {
            label = "Strut";
            keywords = new HashSet<string> { "Strut", "motion", "server", "style" };
        }

        [SettingsProvider]
        public static SettingsProvider Create() => new StrutSettingsProvider();

        public override void OnGUI(string searchContext)
        {
            settings ??= new SerializedObject(LoadOrCreate());
            settings.Update();
            foreach (var field in new[] { "address", "rootCertificates", "tokenVariable", "encoding", "replyTimeout" })
            {
                EditorGUILayout.PropertyField(settings.FindProperty(field));
            }

            if (settings.ApplyModifiedProperties())
            {
                AssetDatabase.SaveAssets();
            }

            EditorGUILayout.Space();
            using (new EditorGUI.DisabledScope(query.IsAsking))
            {
                if (GUILayout.Button(query.IsAsking ? "Asking..." : "Test Connection"))
                {
                    query.Ask(calls => calls.ServerInfoAsync(), Repaint);
                }
            }

            if (query.Error.Length > 0)
            {
                EditorGUILayout.HelpBox(query.Error, MessageType.Error);
            }
            else if (query.Answer is ServerHello server)
            {
                EditorGUILayout.HelpBox(
                    $"Strut {server.ServerVersion} on {server.Device}\nmodel {server.Model.Name}, {server.Model.StyleCount} styles, "
                    + $"{server.Model.Contents.Count} contents\nweights: {server.Model.WeightsLicence}",
                    MessageType.Info);
            }
        }

        private static StrutSettings LoadOrCreate()
        {
            var found = Resources.Load<StrutSettings>(StrutSettings.ResourceName);
            if (found != null)
            {
                return found;
            }

            if (!AssetDatabase.IsValidFolder(AssetFolder))
            {
                AssetDatabase.CreateFolder("Assets", "Resources");
            }

            var made = ScriptableObject.CreateInstance<StrutSettings>();
            AssetDatabase.CreateAsset(made, $"{AssetFolder}/{StrutSettings.ResourceName}.asset");
            AssetDatabase.SaveAssets();
            return made;
        }
    }
}
