#nullable enable
using Strut.Core;
using UnityEditor;
using UnityEngine;

namespace Strut.Motion.Editor
{
    /// <summary>Strut > Latency: where a window's time goes, live, with its history.</summary>
    internal sealed class LatencyWindow : EditorWindow
    {
        private const int History = 240;
        private const float GraphHeight = 120f;

        private static readonly (string Name, Color Colour)[] Stages =
        {
            ("wire", new Color(0.35f, 0.6f, 0.9f)),
            ("queue", new Color(0.95f, 0.75f, 0.3f)),
            ("batch wait", new Color(0.9f, 0.55f, 0.3f)),
            ("inference", new Color(0.5f, 0.8f, 0.45f)),
            ("post-processing", new Color(0.75f, 0.5f, 0.85f)),
        };

        private GUIStyle? coloured;
        private readonly StageTimes[] history = new StageTimes[History];
        private long seen;
        private int next;

        [MenuItem("Strut/Latency")]
        private static void Open() => GetWindow<LatencyWindow>("Strut Latency");

        private void OnEnable() => EditorApplication.update += Sample;

        private void OnDisable() => EditorApplication.update -= Sample;

        private static Client? Client => StrutConnection.Existing != null ? StrutConnection.Existing.Client : null;

        private void Sample()
        {
            if (Client is Client client && client.Statistics.Windows != seen)
            {
                seen = client.Statistics.Windows;
                history[next] = client.Statistics.Newest;
                next = (next + 1) % History;
                Repaint();
            }
        }

        private void OnGUI()
        {
            if (!(Client is Client client))
            {
                EditorGUILayout.HelpBox(
                    "There is no connection. Enter play mode with a Strut Character in the scene.", MessageType.Info);
                return;
            }

            var found = client.Statistics;
            var reason = client.LastFailure is Failure failure ? ", " + failure.Reason : "";
            EditorGUILayout.LabelField("Connection", client.State + reason);
            EditorGUILayout.LabelField("Characters", $"{client.Characters.Count}, lead {client.Lead * 1000:F0} ms");
            EditorGUILayout.LabelField("Windows", $"{found.Windows}, late {found.LateWindows}, dropped {found.DroppedWindows}");
            EditorGUILayout.LabelField("Late frames", $"{found.LateFrames} of {found.Frames}, underruns {found.Underruns}");
            Row("Request to reply", found.RoundTrip);
            Row("Wire", found.Wire);
            Row("Queue", found.Queue);
            Row("Batch wait", found.BatchWait);
            Row("Inference", found.Inference);
            Row("Post-processing", found.Postprocess);
            Row("Buffer lead", found.Lead);
            Row("Frame cost", found.Frame);
            Graph(GUILayoutUtility.GetRect(10f, GraphHeight, GUILayout.ExpandWidth(true)));
            if (GUILayout.Button("Clear"))
            {
                found.Clear();
            }
        }

        private static void Row(string name, Histogram values) => EditorGUILayout.LabelField(
            name, $"p50 {Ms(values, 0.5):F1}  p95 {Ms(values, 0.95):F1}  p99 {Ms(values, 0.99):F1} ms");

        private static double Ms(Histogram values, double share) => values.Percentile(share) / 1000.0;

        private void Graph(Rect area)
        {
            EditorGUI.DrawRect(area, new Color(0.12f, 0.12f, 0.12f));
            long highest = 1;
            foreach (var times in history)
            {
                highest = System.Math.Max(highest, times.RoundTrip);
            }

            var width = area.width / History;
            for (var index = 0; index < History; index++)
            {
                var times = history[(next + index) % History];
                var bottom = area.yMax;
                for (var stage = 0; stage < Stages.Length; stage++)
                {
                    var height = area.height * Of(times, stage) / highest;
                    bottom -= height;
                    EditorGUI.DrawRect(new Rect(area.x + index * width, bottom, width, height), Stages[stage].Colour);
                }
            }

            // The editor's own labels show a colour's tag as text.
            coloured ??= new GUIStyle(EditorStyles.label) { richText = true };
            GUI.Label(new Rect(area.x + 4f, area.y, area.width, 18f), $"{highest / 1000.0:F0} ms: {Legend()}", coloured);
        }

        private static long Of(in StageTimes times, int stage) => stage switch
        {
            0 => times.Wire,
            1 => times.Queue,
            2 => times.BatchWait,
            3 => times.Inference,
            _ => times.Postprocess,
        };

        private static string Legend()
        {
            var text = new System.Text.StringBuilder();
            foreach (var (name, colour) in Stages)
            {
                text.Append("<color=#").Append(ColorUtility.ToHtmlStringRGB(colour)).Append('>').Append(name).Append("</color> ");
            }

            return text.ToString();
        }
    }
}
