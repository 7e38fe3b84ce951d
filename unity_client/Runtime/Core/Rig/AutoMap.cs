#nullable enable
using System.Collections.Generic;
using System.Linq;

namespace Strut.Core
{
    /// <summary>Rig maps made by the names of bones: Unreal's, Mixamo's, Unity's, and the canonical ones.</summary>
    public static class AutoMap
    {
        // Joint, then names without anything but letters and digits, the left side for both.
        private static readonly (string Joint, string[] Names)[] Aliases =
        {
            ("pelvis", new[] { "pelvis", "hips" }),
            ("left_hip", new[] { "thighl", "leftupleg", "leftupperleg", "lefthip" }),
            ("left_knee", new[] { "calfl", "leftleg", "leftlowerleg", "leftknee" }),
            ("left_ankle", new[] { "footl", "leftfoot", "leftankle" }),
            ("left_foot", new[] { "balll", "lefttoebase", "lefttoes" }),
            ("left_collar", new[] { "claviclel", "leftcollar" }),
            ("left_shoulder", new[] { "upperarml", "leftarm", "leftupperarm" }),
            ("left_elbow", new[] { "lowerarml", "leftforearm", "leftlowerarm", "leftelbow" }),
            ("left_wrist", new[] { "handl", "lefthand", "leftwrist" }),
            ("neck", new[] { "neck01", "neck" }),
            ("head", new[] { "head" }),
        };

        /// <summary>Maps a rig.</summary>
        /// <param name="missing">joints that no bone was found for.</param>
        public static RigMap Make(Rig rig, EngineSpace space, out List<string> missing)
        {
            var map = new RigMap { Space = space };
            var names = rig.Bones.Select(bone => Normalise(bone.Name)).ToArray();
            var bones = new int[Skeleton.Joints];
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                bones[joint] = Find(names, Skeleton.Names[joint]);
            }

            Shoulders(names, bones);
            missing = new List<string>();
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                if (Skeleton.Names[joint].StartsWith("spine"))
                {
                    continue;
                }

                if (bones[joint] >= 0)
                {
                    map.Bones.Add(new BoneMap(rig.Bones[bones[joint]].Name, joint, joint, 0f));
                }
                else
                {
                    missing.Add(Skeleton.Names[joint]);
                }
            }

            Spine(rig, bones, map, missing);
            return map;
        }

        /// <summary>A bone's name in lower case, without prefix, letters and digits alone.</summary>
        public static string Normalise(string name)
        {
            var start = name.LastIndexOfAny(new[] { ':', '|' }) + 1;
            return new string(name.Substring(start).ToLowerInvariant().Where(char.IsLetterOrDigit).ToArray());
        }

        private static int Find(string[] names, string joint)
        {
            var right = joint.StartsWith("right_");
            var left = right ? "left_" + joint.Substring("right_".Length) : joint;
            foreach (var (name, aliases) in Aliases)
            {
                if (name != left)
                {
                    continue;
                }

                foreach (var alias in aliases)
                {
                    var found = System.Array.IndexOf(names, right ? Mirror(alias) : alias);
                    if (found >= 0)
                    {
                        return found;
                    }
                }
            }

            return -1;
        }

        // Mixamo and Unity call the collar a shoulder; where that is taken for it, the arm is another bone.
        private static void Shoulders(string[] names, int[] bones)
        {
            foreach (var side in new[] { "left", "right" })
            {
                var collar = Skeleton.IndexOf(side + "_collar");
                var shoulder = Skeleton.IndexOf(side + "_shoulder");
                var named = System.Array.IndexOf(names, side + "shoulder");
                if (bones[collar] < 0 && bones[shoulder] >= 0)
                {
                    bones[collar] = named;
                }
                else if (bones[shoulder] < 0)
                {
                    bones[shoulder] = named;
                }
            }
        }

        private static void Spine(Rig rig, int[] bones, RigMap map, List<string> missing)
        {
            var pelvis = bones[0];
            var neck = bones[Skeleton.IndexOf("neck")];
            var chain = new List<int>();
            for (var bone = neck < 0 ? -1 : rig.Bones[neck].Parent; bone >= 0 && bone != pelvis; bone = rig.Bones[bone].Parent)
            {
                chain.Insert(0, bone);
            }

            if (chain.Count == 0 || rig.Bones[chain[0]].Parent != pelvis || pelvis < 0)
            {
                missing.Add("spine1");
                return;
            }

            var joints = new[] { 0, Skeleton.IndexOf("spine1"), Skeleton.IndexOf("spine2"), Skeleton.IndexOf("spine3") };
            for (var index = 1; index <= chain.Count; index++)
            {
                // In thirds, so that whole ones come out exact.
                var whole = 3 * index / chain.Count;
                var share = (3 * index % chain.Count) / (float)chain.Count;
                var next = System.Math.Min(whole + 1, 3);
                map.Bones.Add(new BoneMap(
                    rig.Bones[chain[index - 1]].Name, joints[whole], share > 0 ? joints[next] : joints[whole], share));
            }
        }

        private static string Mirror(string alias) =>
            alias.StartsWith("left") ? "right" + alias.Substring(4) : alias.Substring(0, alias.Length - 1) + "r";
    }
}
