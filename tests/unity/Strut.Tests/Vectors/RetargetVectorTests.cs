using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using Strut.Core;
using Xunit;

namespace Strut.Tests.Vectors;

public class RetargetVectorTests
{
    public static TheoryData<int> Cases()
    {
        var numbers = new TheoryData<int>();
        for (var index = 0; index < SharedVectors.ClientCore.GetProperty("retargeting").GetArrayLength(); index++)
        {
            numbers.Add(index);
        }

        return numbers;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void PosesOnRigsAreThoseOfTheVectors(int number)
    {
        var item = SharedVectors.ClientCore.GetProperty("retargeting")[number];
        var rig = ReadRig(item.GetProperty("rig"));
        var retargeter = new Retargeter(rig, RigMap.FromJson(item.GetProperty("map").GetRawText()));
        SharedVectors.Close(item.Number("hip_scale"), retargeter.HipScale, "hip scale");
        var places = new Vec3[rig.Bones.Length];
        // The tolerance is one of metres; Unreal's rigs are in centimetres.
        var metres = item.GetProperty("map").GetProperty("space").GetString() == "unity" ? 1f : 0.01f;
        foreach (var shown in item.Items("shown"))
        {
            retargeter.Retarget(shown.GetProperty("frame").Frame());
            SharedVectors.Close(shown.GetProperty("pelvis").Vec3() * metres, retargeter.PelvisPlace * metres, "pelvis");
            for (var bone = 0; bone < rig.Bones.Length; bone++)
            {
                var expected = shown.GetProperty("rotations")[bone].Quat();
                SharedVectors.Close(expected, retargeter.LocalRotations[bone], rig.Bones[bone].Name);
            }

            retargeter.Places(places);
            for (var bone = 0; bone < rig.Bones.Length; bone++)
            {
                var place = shown.GetProperty("places")[bone].Vec3();
                SharedVectors.Close(place * metres, places[bone] * metres, rig.Bones[bone].Name + " place");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void AMapIsWhatItWasAfterGoingThroughJson(int number)
    {
        var map = RigMap.FromJson(SharedVectors.ClientCore.GetProperty("retargeting")[number].GetProperty("map").GetRawText());
        var again = RigMap.FromJson(map.ToJson());
        Assert.Equal(map.Space, again.Space);
        Assert.Equal(map.Bones, again.Bones);
        Assert.Equal(map.Twists, again.Twists);
        Assert.Equal(map.TPose, again.TPose);
        Assert.Equal(map.HipScale, again.HipScale);
        Assert.Equal(map.FootIk, again.FootIk);
    }

    [Fact]
    public void TheInverseGivesTheFrameBack()
    {
        foreach (var item in SharedVectors.ClientCore.Items("retargeting"))
        {
            var map = RigMap.FromJson(item.GetProperty("map").GetRawText());
            // Foot IK changes the legs, which no inverse can know.
            map.FootIk = false;
            var rig = ReadRig(item.GetProperty("rig"));
            var retargeter = new Retargeter(rig, map);
            foreach (var shown in item.Items("shown"))
            {
                var frame = shown.GetProperty("frame").Frame();
                retargeter.Retarget(frame);
                var rotations = new Quat[rig.Bones.Length];
                for (var bone = 0; bone < rotations.Length; bone++)
                {
                    var parent = rig.Bones[bone].Parent;
                    rotations[bone] = parent < 0
                        ? retargeter.LocalRotations[bone]
                        : rotations[parent] * retargeter.LocalRotations[bone];
                }

                var back = new Frame();
                retargeter.Inverse(rotations, retargeter.PelvisPlace, back);
                SharedVectors.Close(frame.Pelvis, back.Pelvis, "pelvis");
                for (var joint = 0; joint < 9; joint++)
                {
                    // Legs have a bone for each joint in every rig here; spines do not.
                    if (Skeleton.Names[joint].EndsWith("hip") || Skeleton.Names[joint].EndsWith("knee"))
                    {
                        SharedVectors.Close(frame.Rotations[joint], back.Rotations[joint], Skeleton.Names[joint]);
                    }
                }
            }
        }
    }

    [Fact]
    public void NamesOfUnrealsMannequinAreMappedAsByHand()
    {
        var item = SharedVectors.ClientCore.Items("retargeting").First(entry => entry.GetProperty("name").GetString() == "mannequin");
        var expected = RigMap.FromJson(item.GetProperty("map").GetRawText());
        var made = AutoMap.Make(ReadRig(item.GetProperty("rig")), EngineSpace.UnrealFacingY, out var missing);
        Assert.Empty(missing);
        Assert.Equal(Described(expected), Described(made));
    }

    [Theory]
    [InlineData("mixamorig:Hips", "hips")]
    [InlineData("Armature|Left_Foot", "leftfoot")]
    [InlineData("thigh_l", "thighl")]
    public void NamesAreComparedWithoutPrefixAndPunctuation(string name, string expected) =>
        Assert.Equal(expected, AutoMap.Normalise(name));

    internal static Rig ReadRig(JsonElement bones) => new(bones.EnumerateArray().Select(bone => new Bone(
        bone.GetProperty("name").GetString()!,
        bone.GetProperty("parent").GetInt32(),
        bone.GetProperty("rotation").Quat(),
        bone.GetProperty("translation").Vec3())).ToArray());

    private static SortedSet<string> Described(RigMap map) => new(map.Bones.Select(
        bone => $"{bone.Bone} {Skeleton.Names[bone.Joint]} {Skeleton.Names[bone.Share > 0 ? bone.Next : bone.Joint]} {bone.Share:F4}"));
}
