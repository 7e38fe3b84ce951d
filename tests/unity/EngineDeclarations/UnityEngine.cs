using System;
using System.Collections.Generic;

namespace UnityEngine
{
    public enum HideFlags { None = 0, HideAndDontSave = 61 }

    public enum PrimitiveType { Sphere, Capsule, Cylinder, Cube, Plane, Quad }

    public enum RuntimeInitializeLoadType { AfterSceneLoad, BeforeSceneLoad, AfterAssembliesLoaded, BeforeSplashScreen, SubsystemRegistration }

    [AttributeUsage(AttributeTargets.Field)] public sealed class SerializeField : Attribute { }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class RangeAttribute : Attribute { public RangeAttribute(float min, float max) { } }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class TooltipAttribute : Attribute { public TooltipAttribute(string tooltip) { } }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class HeaderAttribute : Attribute { public HeaderAttribute(string header) { } }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class TextAreaAttribute : Attribute { public TextAreaAttribute(int minLines, int maxLines) { } }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class AddComponentMenu : Attribute { public AddComponentMenu(string menuName) { } }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class CreateAssetMenuAttribute : Attribute
    {
        public string menuName { get; set; }
        public string fileName { get; set; }
    }

    [AttributeUsage(AttributeTargets.Class)] public sealed class DisallowMultipleComponent : Attribute { }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class RequireComponent : Attribute { public RequireComponent(Type requiredComponent) { } }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class DefaultExecutionOrder : Attribute { public DefaultExecutionOrder(int order) { } }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class RuntimeInitializeOnLoadMethodAttribute : Attribute
    {
        public RuntimeInitializeOnLoadMethodAttribute(RuntimeInitializeLoadType loadType) { }
    }

    public class Object
    {
        public string name { get; set; }
        public HideFlags hideFlags { get; set; }
        public static void Destroy(Object obj) => throw null;
        public static void DestroyImmediate(Object obj) => throw null;
        public static void DontDestroyOnLoad(Object target) => throw null;
        public static bool operator ==(Object a, Object b) => throw null;
        public static bool operator !=(Object a, Object b) => throw null;
    }

    public class ScriptableObject : Object
    {
        public static T CreateInstance<T>() where T : ScriptableObject => throw null;
    }

    public class TextAsset : Object { public string text => throw null; }

    public sealed class GameObject : Object
    {
        public GameObject(string name) { }
        public Transform transform => throw null;
        public T AddComponent<T>() where T : Component => throw null;
        public T GetComponent<T>() => throw null;
        public T GetComponentInParent<T>() => throw null;
        public T GetComponentInChildren<T>() => throw null;
        public static GameObject CreatePrimitive(PrimitiveType type) => throw null;
    }

    public class Component : Object
    {
        public GameObject gameObject => throw null;
        public Transform transform => throw null;
        public T GetComponent<T>() => throw null;
        public T GetComponentInParent<T>() => throw null;
        public T GetComponentInChildren<T>() => throw null;
        public T[] GetComponentsInChildren<T>() => throw null;
    }

    public class Behaviour : Component { public bool enabled { get; set; } }

    public class MonoBehaviour : Behaviour { }

    public class Transform : Component
    {
        public Vector3 position { get; set; }
        public Quaternion rotation { get; set; }
        public Vector3 eulerAngles { get; set; }
        public Vector3 localPosition { get; set; }
        public Quaternion localRotation { get; set; }
        public Vector3 localScale { get; set; }
        public Vector3 lossyScale => throw null;
        public Vector3 forward { get; set; }
        public Transform parent { get; set; }
        public int childCount => throw null;
        public Transform GetChild(int index) => throw null;
        public void SetParent(Transform parent, bool worldPositionStays) => throw null;
        public void SetPositionAndRotation(Vector3 position, Quaternion rotation) => throw null;
    }

    public struct Vector2 { public float x, y; }

    public struct Vector3 : IEquatable<Vector3>
    {
        public float x, y, z;
        public Vector3(float x, float y, float z) { this.x = x; this.y = y; this.z = z; }
        public static Vector3 zero => throw null;
        public static Vector3 one => throw null;
        public static Vector3 up => throw null;
        public static Vector3 forward => throw null;
        public float magnitude => throw null;
        public float sqrMagnitude => throw null;
        public static float Dot(Vector3 a, Vector3 b) => throw null;
        public static float Distance(Vector3 a, Vector3 b) => throw null;
        public static Vector3 Lerp(Vector3 a, Vector3 b, float t) => throw null;
        public static Vector3 operator +(Vector3 a, Vector3 b) => throw null;
        public static Vector3 operator -(Vector3 a, Vector3 b) => throw null;
        public static Vector3 operator *(Vector3 a, float d) => throw null;
        public static Vector3 operator /(Vector3 a, float d) => throw null;
        public static bool operator ==(Vector3 a, Vector3 b) => throw null;
        public static bool operator !=(Vector3 a, Vector3 b) => throw null;
        public bool Equals(Vector3 other) => throw null;
    }

    public struct Quaternion
    {
        public float x, y, z, w;
        public Quaternion(float x, float y, float z, float w) { this.x = x; this.y = y; this.z = z; this.w = w; }
        public static Quaternion identity => throw null;
        public Vector3 eulerAngles { get => throw null; set => throw null; }
        public static Quaternion Euler(float x, float y, float z) => throw null;
        public static Quaternion Inverse(Quaternion rotation) => throw null;
        public static Quaternion Slerp(Quaternion a, Quaternion b, float t) => throw null;
        public static Quaternion FromToRotation(Vector3 from, Vector3 to) => throw null;
        public static Quaternion operator *(Quaternion a, Quaternion b) => throw null;
        public static Vector3 operator *(Quaternion rotation, Vector3 point) => throw null;
    }

    public struct Color { public Color(float r, float g, float b) { } }

    public struct Rect
    {
        public Rect(float x, float y, float width, float height) { }
        public float x { get; set; }
        public float y { get; set; }
        public float width { get; set; }
        public float height { get; set; }
        public float yMax { get; set; }
    }

    public static class ColorUtility { public static string ToHtmlStringRGB(Color color) => throw null; }

    public static class Mathf
    {
        public static float Abs(float f) => throw null;
        public static float Max(float a, float b) => throw null;
        public static float Clamp(float value, float min, float max) => throw null;
        public static float Clamp01(float value) => throw null;
        public static float Lerp(float a, float b, float t) => throw null;
        public static float Sqrt(float f) => throw null;
        public static int CeilToInt(float f) => throw null;
    }

    public static class Time
    {
        public static float deltaTime => throw null;
        public static float timeScale { get; set; }
    }

    public static class Application
    {
        public static bool isPlaying => throw null;
        public static string productName => throw null;
        public static string version => throw null;
        public static event Action quitting;
    }

    public static class Debug
    {
        public static void Log(object message, Object context) => throw null;
        public static void LogWarning(object message, Object context) => throw null;
        public static void LogError(object message, Object context) => throw null;
    }

    public static class Resources { public static T Load<T>(string path) where T : Object => throw null; }

    public class Renderer : Component { public bool isVisible => throw null; }

    public sealed class Camera : Behaviour
    {
        public static Camera main => throw null;
        public Ray ScreenPointToRay(Vector3 pos) => throw null;
    }

    public class Collider : Component { public bool isTrigger { get; set; } }

    public sealed class CharacterController : Collider
    {
        public bool enabled { get; set; }
        public Vector3 velocity => throw null;
        public void Move(Vector3 motion) => throw null;
    }

    public static class Physics { public static Vector3 gravity { get; set; } }

    public static class Gizmos
    {
        public static Color color { get; set; }
        public static void DrawLine(Vector3 from, Vector3 to) => throw null;
        public static void DrawWireSphere(Vector3 center, float radius) => throw null;
    }

    public class GUIContent { public GUIContent(string text, string tooltip) { } }

    public class GUIStyle
    {
        public GUIStyle(GUIStyle other) { }
        public bool richText { get; set; }
    }

    public class GUILayoutOption { }

    public static class GUI { public static void Label(Rect position, string text, GUIStyle style) => throw null; }

    public static class Input
    {
        public static Vector3 mousePosition => throw null;
        public static bool GetMouseButtonDown(int button) => throw null;
    }

    public struct Ray { public Vector3 GetPoint(float distance) => throw null; }

    public struct Plane
    {
        public Plane(Vector3 normal, Vector3 point) { }
        public bool Raycast(Ray ray, out float enter) => throw null;
    }

    public static class GUILayout
    {
        public static bool Button(string text, params GUILayoutOption[] options) => throw null;
        public static bool Button(string text, GUIStyle style, params GUILayoutOption[] options) => throw null;
        public static void Label(string text, params GUILayoutOption[] options) => throw null;
        public static float HorizontalSlider(float value, float left, float right, params GUILayoutOption[] options) => throw null;
        public static GUILayoutOption Width(float width) => throw null;
        public static GUILayoutOption ExpandWidth(bool expand) => throw null;
    }

    public static class GUILayoutUtility
    {
        public static Rect GetRect(float width, float height, params GUILayoutOption[] options) => throw null;
    }
}

namespace UnityEngine.AI
{
    public sealed class NavMeshPath { public int GetCornersNonAlloc(Vector3[] results) => throw null; }

    public sealed class NavMeshAgent : Behaviour
    {
        public bool hasPath => throw null;
        public bool pathPending => throw null;
        public bool isOnNavMesh => throw null;
        public bool updatePosition { get; set; }
        public bool updateRotation { get; set; }
        public float speed { get; set; }
        public Vector3 destination { get; set; }
        public Vector3 nextPosition { get; set; }
        public Vector3 steeringTarget => throw null;
        public NavMeshPath path { get; set; }
    }
}
