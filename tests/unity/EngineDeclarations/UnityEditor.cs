using System;
using System.Collections.Generic;
using UnityEngine;
using Object = UnityEngine.Object;

namespace UnityEditor
{
    public enum PlayModeStateChange { EnteredEditMode, ExitingEditMode, EnteredPlayMode, ExitingPlayMode }

    public enum MessageType { None, Info, Warning, Error }

    public enum SettingsScope { User, Project }

    [Flags] public enum GizmoType { Pickable = 1, NotInSelectionHierarchy = 2, Selected = 4, Active = 8, InSelectionHierarchy = 16 }

    [AttributeUsage(AttributeTargets.Class)] public class InitializeOnLoadAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Class)] public class CanEditMultipleObjects : Attribute { }

    [AttributeUsage(AttributeTargets.Class)]
    public class CustomEditor : Attribute { public CustomEditor(Type inspectedType) { } }

    [AttributeUsage(AttributeTargets.Method)]
    public class DrawGizmo : Attribute { public DrawGizmo(GizmoType gizmo) { } }

    [AttributeUsage(AttributeTargets.Method)] public class SettingsProviderAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class MenuItem : Attribute
    {
        public MenuItem(string itemName) { }
        public MenuItem(string itemName, bool isValidateFunction) { }
        public MenuItem(string itemName, bool isValidateFunction, int priority) { }
    }

    public class MenuCommand { public Object context; }

    public static class AssemblyReloadEvents
    {
        public delegate void AssemblyReloadCallback();
        public static event AssemblyReloadCallback beforeAssemblyReload;
    }

    public static class EditorApplication
    {
        public delegate void CallbackFunction();
        public static CallbackFunction update;
        public static event Action<PlayModeStateChange> playModeStateChanged;
    }

    public class EditorWindow : ScriptableObject
    {
        public static T GetWindow<T>(string title) where T : EditorWindow => throw null;
        public void Repaint() => throw null;
    }

    public class Editor : ScriptableObject
    {
        public Object target { get; set; }
        public Object[] targets => throw null;
        public SerializedObject serializedObject => throw null;
        public bool DrawDefaultInspector() => throw null;
        public virtual void OnInspectorGUI() => throw null;
        public virtual bool RequiresConstantRepaint() => throw null;
    }

    public class SettingsProvider
    {
        public SettingsProvider(string path, SettingsScope scopes, IEnumerable<string> keywords = null) { }
        public string label { get; set; }
        public IEnumerable<string> keywords { get; set; }
        public virtual void OnGUI(string searchContext) => throw null;
        public void Repaint() => throw null;
    }

    public class SerializedObject
    {
        public SerializedObject(Object obj) { }
        public void Update() => throw null;
        public SerializedProperty FindProperty(string propertyPath) => throw null;
        public bool ApplyModifiedProperties() => throw null;
    }

    public class SerializedProperty { }

    public static class AssetDatabase
    {
        public static bool IsValidFolder(string path) => throw null;
        public static string CreateFolder(string parentFolder, string newFolderName) => throw null;
        public static void CreateAsset(Object asset, string path) => throw null;
        public static void SaveAssets() => throw null;
    }

    public static class Selection
    {
        public static GameObject[] gameObjects => throw null;
        public static GameObject activeGameObject { get; set; }
    }

    public static class Undo
    {
        public static void RecordObject(Object objectToUndo, string name) => throw null;
        public static void RegisterCreatedObjectUndo(Object objectToUndo, string name) => throw null;
        public static T AddComponent<T>(GameObject gameObject) where T : Component => throw null;
    }

    public static class GameObjectUtility
    {
        public static void SetParentAndAlign(GameObject child, GameObject parent) => throw null;
    }

    public static class EditorUtility
    {
        public static void SetDirty(Object target) => throw null;
        public static bool IsPersistent(Object target) => throw null;
    }

    public static class EditorStyles
    {
        public static GUIStyle label => throw null;
        public static GUIStyle toolbar => throw null;
        public static GUIStyle toolbarButton => throw null;
        public static GUIStyle toolbarSearchField => throw null;
    }

    public static class EditorGUI
    {
        public static void BeginChangeCheck() => throw null;
        public static bool EndChangeCheck() => throw null;
        public static void DrawRect(Rect rect, Color color) => throw null;
        public class DisabledScope : IDisposable
        {
            public DisabledScope(bool disabled) { }
            public void Dispose() => throw null;
        }
    }

    public static class EditorGUILayout
    {
        public static bool PropertyField(SerializedProperty property, params GUILayoutOption[] options) => throw null;
        public static void Space() => throw null;
        public static void HelpBox(string message, MessageType type) => throw null;
        public static void LabelField(string label, string label2, params GUILayoutOption[] options) => throw null;
        public static void LabelField(GUIContent label, params GUILayoutOption[] options) => throw null;
        public static string TextField(string text, GUIStyle style, params GUILayoutOption[] options) => throw null;
        public static string TextField(string label, string text, params GUILayoutOption[] options) => throw null;
        public static float FloatField(string label, float value, params GUILayoutOption[] options) => throw null;
        public static bool Toggle(string label, bool value, params GUILayoutOption[] options) => throw null;
        public static Vector3 Vector3Field(string label, Vector3 value, params GUILayoutOption[] options) => throw null;
        public static bool Foldout(bool foldout, string content) => throw null;

        public static Object ObjectField(string label, Object obj, Type objType, bool allowSceneObjects, params GUILayoutOption[] options) => throw null;

        public class HorizontalScope : IDisposable
        {
            public HorizontalScope(params GUILayoutOption[] options) { }
            public HorizontalScope(GUIStyle style, params GUILayoutOption[] options) { }
            public void Dispose() => throw null;
        }

        public class ScrollViewScope : IDisposable
        {
            public ScrollViewScope(Vector2 scrollPosition, params GUILayoutOption[] options) { }
            public Vector2 scrollPosition => throw null;
            public void Dispose() => throw null;
        }
    }
}
