#nullable enable
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Strut.Core
{
    /// <summary>From which joints a bone's rotation comes: from one, or from between two.</summary>
    public readonly struct BoneMap
    {
        public readonly string Bone;
        public readonly int Joint;
        public readonly int Next;

        /// <summary>0 at the joint, 1 at the next one.</summary>
        public readonly float Share;

        public BoneMap(string bone, int joint, int next, float share)
        {
            Bone = bone;
            Joint = joint;
            Next = next;
            Share = share;
        }
    }

    /// <summary>A bone that takes a share of another one's turn about an axis.</summary>
    public readonly struct TwistMap
    {
        public readonly string Bone;
        public readonly string Source;
        public readonly Vec3 Axis;
        public readonly float Share;

        public TwistMap(string bone, string source, Vec3 axis, float share)
        {
            Bone = bone;
            Source = source;
            Axis = axis;
            Share = share;
        }
    }

    /// <summary>How the canonical skeleton goes onto a rig: the JSON that Python, Unity and Unreal share.</summary>
    public sealed class RigMap
    {
        public EngineSpace Space { get; set; } = EngineSpace.Unity;

        public List<BoneMap> Bones { get; } = new List<BoneMap>();

        /// <summary>Corrections of bones in the rig's space, in place of the measured ones.</summary>
        public Dictionary<string, Quat> TPose { get; } = new Dictionary<string, Quat>();

        public List<TwistMap> Twists { get; } = new List<TwistMap>();

        /// <summary>Factor of the hips' movement; null for the measured one.</summary>
        public float? HipScale { get; set; }

        /// <summary>Whether legs are bent so that the feet stand where they do on the canonical skeleton.</summary>
        public bool FootIk { get; set; } = true;

        /// <exception cref="FormatException">the text is not a rig map; the message names the field.</exception>
        public static RigMap FromJson(string json)
        {
            var root = Json.Parse(json) as Dictionary<string, object?>
                ?? throw new FormatException("rig map: must be a JSON object");
            var known = new[] { "version", "space", "bones", "t_pose", "twists", "hip_scale", "foot_ik" };
            foreach (var name in root.Keys)
            {
                if (!known.Contains(name))
                {
                    throw new FormatException($"rig map: unknown field {name}; known are {string.Join(", ", known)}");
                }
            }

            if (!root.TryGetValue("version", out var version) || !(version is double number) || number != 1)
            {
                throw new FormatException($"version: is {version ?? "absent"}, it must be 1");
            }

            var map = new RigMap { Space = SpaceOf(root) };
            foreach (var item in List(root, "bones"))
            {
                var entry = Object(item, "bones");
                var joint = JointOf(Text(entry, "joint"));
                map.Bones.Add(new BoneMap(
                    Text(entry, "bone"),
                    joint,
                    entry.ContainsKey("next") ? JointOf(Text(entry, "next")) : joint,
                    (float)Number(entry, "share", 0)));
            }

            if (root.TryGetValue("t_pose", out var corrections))
            {
                foreach (var pair in Object(corrections, "t_pose"))
                {
                    var q = Numbers(pair.Value, "t_pose." + pair.Key, 4);
                    map.TPose[pair.Key] = new Quat(q[0], q[1], q[2], q[3]);
                }
            }

            foreach (var item in List(root, "twists"))
            {
                var entry = Object(item, "twists");
                var axis = Numbers(entry.TryGetValue("axis", out var given) ? given : null, "twists.axis", 3);
                map.Twists.Add(new TwistMap(
                    Text(entry, "bone"),
                    Text(entry, "source"),
                    new Vec3(axis[0], axis[1], axis[2]),
                    (float)Number(entry, "share", 0.5)));
            }

            var scale = (float)Number(root, "hip_scale", 0);
            map.HipScale = scale > 0 ? scale : (float?)null;
            map.FootIk = !root.TryGetValue("foot_ik", out var feet) || !(feet is bool on) || on;
            return map;
        }

        public string ToJson()
        {
            var text = new StringBuilder("{\n  \"version\": 1,\n  \"space\": ");
            text.Append(Json.Quote(SpaceNames[(int)Space])).Append(",\n  \"bones\": [\n");
            text.Append(string.Join(",\n", Bones.Select(BoneJson))).Append("\n  ],\n  \"t_pose\": {");
            text.Append(string.Join(", ", TPose.Select(
                pair => $"{Json.Quote(pair.Key)}: {Array(pair.Value.X, pair.Value.Y, pair.Value.Z, pair.Value.W)}")));
            text.Append("},\n  \"twists\": [").Append(string.Join(", ", Twists.Select(TwistJson))).Append("],\n");
            if (HipScale is float scale)
            {
                text.Append("  \"hip_scale\": ").Append(Format(scale)).Append(",\n");
            }

            return text.Append("  \"foot_ik\": ").Append(FootIk ? "true" : "false").Append("\n}\n").ToString();
        }

        private static readonly string[] SpaceNames = { "unity", "unreal_facing_y", "unreal_facing_x" };

        private static string BoneJson(BoneMap map)
        {
            var next = map.Share > 0
                ? $", \"next\": {Json.Quote(Skeleton.Names[map.Next])}, \"share\": {Format(map.Share)}"
                : "";
            return $"    {{\"bone\": {Json.Quote(map.Bone)}, \"joint\": {Json.Quote(Skeleton.Names[map.Joint])}{next}}}";
        }

        private static string TwistJson(TwistMap map) =>
            $"{{\"bone\": {Json.Quote(map.Bone)}, \"source\": {Json.Quote(map.Source)}, "
            + $"\"axis\": {Array(map.Axis.X, map.Axis.Y, map.Axis.Z)}, \"share\": {Format(map.Share)}}}";

        private static string Array(params float[] values) => "[" + string.Join(", ", values.Select(Format)) + "]";

        private static string Format(float value) => value.ToString("R", CultureInfo.InvariantCulture);

        private static EngineSpace SpaceOf(Dictionary<string, object?> root)
        {
            var name = Text(root, "space");
            var found = System.Array.IndexOf(SpaceNames, name);
            return found >= 0
                ? (EngineSpace)found
                : throw new FormatException($"space: is {name}, it must be one of {string.Join(", ", SpaceNames)}");
        }

        private static int JointOf(string name)
        {
            var joint = Skeleton.IndexOf(name);
            return joint >= 0
                ? joint
                : throw new FormatException($"joint: is {name}, it must be one of {string.Join(", ", Skeleton.Names)}");
        }

        private static Dictionary<string, object?> Object(object? value, string field) =>
            value as Dictionary<string, object?> ?? throw new FormatException($"{field}: must be a JSON object");

        private static List<object?> List(Dictionary<string, object?> owner, string field) =>
            !owner.TryGetValue(field, out var value)
                ? new List<object?>()
                : value as List<object?> ?? throw new FormatException($"{field}: must be a JSON array");

        private static string Text(Dictionary<string, object?> owner, string field) =>
            owner.TryGetValue(field, out var value) && value is string text
                ? text
                : throw new FormatException($"{field}: must be a text");

        private static double Number(Dictionary<string, object?> owner, string field, double otherwise) =>
            !owner.TryGetValue(field, out var value) || value == null
                ? otherwise
                : value is double number ? number : throw new FormatException($"{field}: must be a number");

        private static float[] Numbers(object? value, string field, int count) =>
            value is List<object?> list && list.Count == count && list.All(item => item is double)
                ? list.Select(item => (float)(double)item!).ToArray()
                : throw new FormatException($"{field}: must be {count} numbers");
    }
}
