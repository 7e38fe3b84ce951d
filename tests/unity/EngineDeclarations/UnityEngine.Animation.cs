using System;
using Unity.Collections;
using UnityEngine.Animations;
using UnityEngine.Playables;

namespace UnityEngine
{
    public class Motion : Object { }

    public class RuntimeAnimatorController : Object { }

    public class Animator : Behaviour
    {
        public Avatar avatar { get; set; }
        public bool isHuman => throw null;
        public float humanScale => throw null;
        public bool applyRootMotion { get; set; }
        public RuntimeAnimatorController runtimeAnimatorController { get; set; }
    }

    public class Avatar : Object
    {
        public bool isValid => throw null;
        public bool isHuman => throw null;
        public HumanDescription humanDescription => throw null;
    }

    public static class AvatarBuilder
    {
        public static Avatar BuildHumanAvatar(GameObject go, HumanDescription humanDescription) => throw null;
    }

    public struct SkeletonBone
    {
        public string name;
        public Vector3 position;
        public Quaternion rotation;
        public Vector3 scale;
    }

    public struct HumanLimit { public bool useDefaultValues { get; set; } }

    public struct HumanBone
    {
        public HumanLimit limit;
        public string boneName { get; set; }
        public string humanName { get; set; }
    }

    public struct HumanDescription
    {
        public HumanBone[] human;
        public SkeletonBone[] skeleton;
        public float upperArmTwist { get; set; }
        public float lowerArmTwist { get; set; }
        public float upperLegTwist { get; set; }
        public float lowerLegTwist { get; set; }
        public float armStretch { get; set; }
        public float legStretch { get; set; }
    }

    public struct HumanPose
    {
        public Vector3 bodyPosition;
        public Quaternion bodyRotation;
        public float[] muscles;
    }

    public class HumanPoseHandler : IDisposable
    {
        public HumanPoseHandler(Avatar avatar, Transform root) { }
        public void GetHumanPose(ref HumanPose humanPose) => throw null;
        public void SetHumanPose(ref HumanPose humanPose) => throw null;
        public void Dispose() => throw null;
    }

    public static class AnimatorJobExtensions
    {
        public static TransformStreamHandle BindStreamTransform(this Animator animator, Transform transform) => throw null;
    }
}

namespace UnityEngine.Playables
{
    public enum DirectorUpdateMode { DSPClock, GameTime, UnscaledGameTime, Manual }

    public interface IPlayable { }

    public interface IPlayableOutput { }

    public struct PlayableGraph
    {
        public static PlayableGraph Create(string name) => throw null;
        public bool IsValid() => throw null;
        public void SetTimeUpdateMode(DirectorUpdateMode value) => throw null;
        public void Play() => throw null;
        public void Destroy() => throw null;

        public bool Connect<U, V>(U source, int sourceOutputPort, V destination, int destinationInputPort)
            where U : struct, IPlayable
            where V : struct, IPlayable => throw null;
    }

    public static class PlayableExtensions
    {
        public static void SetInputWeight<U>(this U playable, int inputIndex, float weight) where U : struct, IPlayable => throw null;
    }

    public static class PlayableOutputExtensions
    {
        public static void SetSourcePlayable<U, V>(this U output, V value)
            where U : struct, IPlayableOutput
            where V : struct, IPlayable => throw null;
    }
}

namespace UnityEngine.Animations
{
    public struct AnimationStream { }

    public interface IAnimationJob
    {
        void ProcessAnimation(AnimationStream stream);
        void ProcessRootMotion(AnimationStream stream);
    }

    public struct TransformStreamHandle
    {
        public Quaternion GetLocalRotation(AnimationStream stream) => throw null;
        public void SetLocalRotation(AnimationStream stream, Quaternion rotation) => throw null;
        public Vector3 GetLocalPosition(AnimationStream stream) => throw null;
        public void SetLocalPosition(AnimationStream stream, Vector3 position) => throw null;
    }

    public struct AnimationScriptPlayable : IPlayable
    {
        public static AnimationScriptPlayable Create<T>(PlayableGraph graph, T jobData, int inputCount = 0)
            where T : struct, IAnimationJob => throw null;

        public T GetJobData<T>() where T : struct, IAnimationJob => throw null;
        public void SetJobData<T>(T jobData) where T : struct, IAnimationJob => throw null;
    }

    public struct AnimatorControllerPlayable : IPlayable
    {
        public static AnimatorControllerPlayable Create(PlayableGraph graph, RuntimeAnimatorController controller) => throw null;
    }

    public struct AnimationPlayableOutput : IPlayableOutput
    {
        public static AnimationPlayableOutput Create(PlayableGraph graph, string name, Animator target) => throw null;
    }
}

namespace Unity.Collections
{
    public enum Allocator { Invalid, None, Temp, TempJob, Persistent }

    [AttributeUsage(AttributeTargets.Field)] public sealed class ReadOnlyAttribute : Attribute { }

    public struct NativeArray<T> : IDisposable where T : struct
    {
        public NativeArray(int length, Allocator allocator) { }
        public int Length => throw null;
        public bool IsCreated => throw null;
        public T this[int index] { get => throw null; set => throw null; }
        public void Dispose() => throw null;
    }
}

namespace Unity.Profiling
{
    public enum ProfilerMarkerDataUnit : byte { Undefined, TimeNanoseconds, Bytes, Count, Percent, FrequencyHz }

    [Flags] public enum ProfilerCounterOptions : ushort { None = 0, FlushOnEndOfFrame = 2, ResetToZeroOnFlush = 4 }

    public readonly struct ProfilerCategory
    {
        public static ProfilerCategory Scripts => throw null;
        public static ProfilerCategory Network => throw null;
    }

    public struct ProfilerMarker
    {
        public ProfilerMarker(ProfilerCategory category, string name) { }
        public AutoScope Auto() => throw null;
        public struct AutoScope : IDisposable { public void Dispose() => throw null; }
    }

    public readonly struct ProfilerCounterValue<T> where T : unmanaged
    {
        public ProfilerCounterValue(ProfilerCategory category, string name, ProfilerMarkerDataUnit dataUnit, ProfilerCounterOptions counterOptions) { }
        public T Value { get => throw null; set => throw null; }
    }
}

namespace Cysharp.Net.Http
{
    public class YetAnotherHttpHandler : System.Net.Http.HttpMessageHandler
    {
        public bool? Http2Only { get; set; }
        public string RootCertificates { get; set; }
        public TimeSpan? Http2KeepAliveInterval { get; set; }
        public TimeSpan? Http2KeepAliveTimeout { get; set; }

        protected override System.Threading.Tasks.Task<System.Net.Http.HttpResponseMessage> SendAsync(
            System.Net.Http.HttpRequestMessage request, System.Threading.CancellationToken cancellationToken) => throw null;
    }
}
