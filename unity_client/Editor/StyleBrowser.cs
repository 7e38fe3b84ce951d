#nullable enable
using System.Collections.Generic;
using Strut.V1;
using UnityEditor;
using UnityEngine;

namespace Strut.Motion.Editor
{
    /// <summary>Strut > Styles: the server's styles, searched, and given to the selected characters or mixed in by a click.</summary>
    internal sealed class StyleBrowser : EditorWindow
    {
        private readonly ServerQuery<List<Style>> query = new ServerQuery<List<Style>>();
        private string search = "";
        private Vector2 scroll;

        [MenuItem("Strut/Styles")]
        private static void Open() => GetWindow<StyleBrowser>("Strut Styles");

        private void OnEnable() => Refresh();

        private void Refresh() => query.Ask(calls => calls.ListStylesAsync(), Repaint);

        private void OnGUI()
        {
            using (new EditorGUILayout.HorizontalScope(EditorStyles.toolbar))
            {
                search = EditorGUILayout.TextField(search, EditorStyles.toolbarSearchField);
                using (new EditorGUI.DisabledScope(query.IsAsking))
                {
                    if (GUILayout.Button("Refresh", EditorStyles.toolbarButton))
                    {
                        Refresh();
                    }
                }
            }

            if (query.Error.Length > 0)
            {
                EditorGUILayout.HelpBox(query.Error, MessageType.Warning);
            }

            using (var view = new EditorGUILayout.ScrollViewScope(scroll))
            {
                scroll = view.scrollPosition;
                foreach (var style in query.Answer ?? new List<Style>())
                {
                    if (Matches(style))
                    {
                        Row(style);
                    }
                }
            }
        }

        private bool Matches(Style style)
        {
            const System.StringComparison anyCase = System.StringComparison.OrdinalIgnoreCase;
            return style.Name.IndexOf(search, anyCase) >= 0 || style.Description.IndexOf(search, anyCase) >= 0;
        }

        private static void Row(Style style)
        {
            using (new EditorGUILayout.HorizontalScope())
            {
                var tip = $"{style.Description}\nsource: {style.Source}\nseen with: {string.Join(", ", style.Contents)}";
                EditorGUILayout.LabelField(new GUIContent(style.Neutral ? style.Name + " (neutral)" : style.Name, tip));
                if (GUILayout.Button("Apply", GUILayout.Width(60f)))
                {
                    Give(style.Name, false);
                }

                if (GUILayout.Button("Mix In", GUILayout.Width(60f)))
                {
                    Give(style.Name, true);
                }
            }
        }

        private static void Give(string style, bool mix)
        {
            foreach (var chosen in Selection.gameObjects)
            {
                var character = chosen.GetComponentInParent<StrutCharacter>();
                if (character != null)
                {
                    Undo.RecordObject(character, mix ? "Mix In Style" : "Apply Style");
                    var styles = new List<StyleWeight>();
                    if (mix)
                    {
                        styles.AddRange(character.Styles);
                        styles.RemoveAll(present => present.name == style);
                    }

                    styles.Add(new StyleWeight { name = style, weight = 1f });
                    character.SetStyles(styles.ToArray());
                    EditorUtility.SetDirty(character);
                }
            }
        }
    }
}
