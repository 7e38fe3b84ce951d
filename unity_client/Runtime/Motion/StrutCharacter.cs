#nullable enable
using System;
using System.Collections.Generic;
using Strut.Core;
using UnityEngine;
using UnityEngine.AI;

namespace Strut.Motion
{
    /// <summary>How a pose goes onto the rig.</summary>
    public enum PoseOutput
    {
        /// <summary>By an animation job where there is an Animator, else by transforms.</summary>
        Automatic,

        /// <summary>An animation job over the Animator's own pose.</summary>
        AnimationJob,

        /// <summary>Transforms, in LateUpdate.</summary>
        Transforms,

        /// <summary>Unity's humanoid muscles, in LateUpdate; needs no rig map.</summary>
        HumanPose,
    }

    /// <summary>
    /// A character that moves as the server's motion says. Sits on the character's root object: on the ground, facing
    /// forward. Main thread.
    /// </summary>
    [AddComponentMenu("Strut/Strut Character")]
    [DefaultExecutionOrder(-900)]
    [DisallowMultipleComponent]
    public sealed class StrutCharacter : MonoBehaviour, IControlSource
    {
        [Header("Rig")]
        [Tooltip("Which bones take which joints; empty maps by the bones' names.")]
        [SerializeField]
        private StrutRigMap? rigMap;

        [SerializeField]
        private PoseOutput output;

        [Tooltip("0 leaves the rig to other animation, 1 replaces its pose.")]
        [Range(0f, 1f)]
        [SerializeField]
        private float weight = 1f;

        [Header("Root")]
        [SerializeField]
        private RootMode rootMode = RootMode.MotionDrives;

        [Tooltip("In Blend: 0 follows the motion, 1 the game.")]
        [Range(0f, 1f)]
        [SerializeField]
        private float rootBlend = 0.5f;

        [Header("Path")]
        [SerializeField]
        private PathSource pathSource;

        [Header("Content and style")]
        [Tooltip("What the character does, such as walk, run, idle, bow.")]
        [SerializeField]
        private string content = "walk";

        [SerializeField]
        private List<StyleWeight> styles = new List<StyleWeight>();

        [Tooltip("0 is the neutral style, 1 the style as it is, more exaggerates it.")]
        [Range(0f, 1.5f)]
        [SerializeField]
        private float strength = 1f;

        [SerializeField]
        private List<PartStyleWeights> parts = new List<PartStyleWeights>();

        [Header("Scene")]
        [Tooltip("A scene preset's name; volumes take precedence.")]
        [SerializeField]
        private string scenePreset = "";

        [Tooltip("The scene in words, for servers that read them; else the preset counts.")]
        [SerializeField]
        private string sceneText = "";

        [Range(0f, 1.5f)]
        [SerializeField]
        private float sceneAlpha = 1f;

        [Header("Quality")]
        [Tooltip("Network evaluations a window, such as 1, 2 or 4; 0 leaves them to the server.")]
        [Range(0, 8)]
        [SerializeField]
        private int steps;

        [Tooltip("What a loaded server may go down to; 0 for the fewest that its model has.")]
        [Range(0, 8)]
        [SerializeField]
        private int leastSteps;

        [Header("Level of detail")]
        [Tooltip("Metres from the main camera beyond which the network takes one step.")]
        [SerializeField]
        private float farDistance = 25f;

        [Tooltip("Stop asking for motion while no renderer is seen.")]
        [SerializeField]
        private bool cullUnseen = true;

        [Header("Multiplayer")]
        [Tooltip("Asks for nothing and shows what the game relays.")]
        [SerializeField]
        private bool passive;

        private readonly Core.Controls controls = new Core.Controls();
        private readonly HeldControls held = new HeldControls();
        private readonly List<StrutSceneVolume> volumes = new List<StrutSceneVolume>();
        private readonly VelocityPathSource velocity = new VelocityPathSource();
        private NavMeshPathSource? navigation;
        private NavMeshAgent? agent;
        private CharacterController? controller;
        private Renderer[] renderers = Array.Empty<Renderer>();
        private IPoseApplier? applier;
        private V1.ServerHello? preparedFor;
        private V1.Gesture? gesture;
        private bool controlsChanged = true;
        private bool replan;

        /// <summary>The character in the client; null while there is no connection.</summary>
        public Character? Character { get; private set; }

        /// <summary>Where the character is as to its supply of motion.</summary>
        public CharacterState State => Character?.State ?? CharacterState.Starting;

        /// <summary>What the character does, such as walk.</summary>
        public string Content
        {
            get => content;
            set
            {
                // A gesture's length goes with it.
                if (content != value)
                {
                    gesture = null;
                }

                Set(ref content, value);
            }
        }

        /// <summary>How strongly the style shows, 0 to 1.5.</summary>
        public float Strength
        {
            get => strength;
            set => Set(ref strength, Mathf.Clamp(value, 0f, 1.5f));
        }

        /// <summary>0 leaves the rig to other animation, 1 replaces its pose.</summary>
        public float Weight
        {
            get => weight;
            set => weight = Mathf.Clamp01(value);
        }

        /// <summary>Who moves the object.</summary>
        public RootMode RootMode
        {
            get => rootMode;
            set => rootMode = value;
        }

        /// <summary>The rig map; null maps by names. Takes effect when the component is enabled.</summary>
        public StrutRigMap? RigMap
        {
            get => rigMap;
            set => rigMap = value;
        }

        /// <summary>The styles of the mix, for reading; <see cref="SetStyles"/> changes them.</summary>
        public IReadOnlyList<StyleWeight> Styles => styles;

        /// <summary>Replaces the style mix.</summary>
        public void SetStyles(params StyleWeight[] mix)
        {
            styles.Clear();
            styles.AddRange(mix);
            MarkChanged();
        }

        /// <summary>Replaces the styles of body parts.</summary>
        public void SetParts(params PartStyleWeights[] overrides)
        {
            parts.Clear();
            parts.AddRange(overrides);
            MarkChanged();
        }

        /// <summary>Says that serialised fields were changed from outside, such as by the inspector.</summary>
        public void MarkChanged()
        {
            controlsChanged = true;
            replan = true;
        }

        /// <summary>Shows a gesture, such as bow or wave, from its beginning to its end, and then stands or walks on.</summary>
        /// <param name="name">of the content.</param>
        /// <param name="seconds">that the whole gesture takes, 0.2 to 30; null for its usual length.</param>
        /// <param name="hold">keeps it where it is, such as at the low point of a bow, until it is called again.</param>
        public void PlayGesture(string name, float? seconds = null, bool hold = false)
        {
            gesture = new V1.Gesture { Hold = hold };
            if (seconds is float duration)
            {
                gesture.Duration = Mathf.Clamp(duration, 0.2f, 30f);
            }

            content = name;
            MarkChanged();
        }

        /// <summary>Walks along points at a speed; only with <see cref="PathSource.Script"/>.</summary>
        /// <param name="points">in the world.</param>
        /// <param name="speed">metres a second.</param>
        public void SetPath(IReadOnlyList<Vector3> points, float speed)
        {
            Span<PathSample> samples = stackalloc PathSample[ControlPlan.MaxSamples];
            var count = Math.Min(points.Count, ControlPlan.MaxSamples - 1);
            var place = StrutSpace.PlacementOf(transform);
            samples[0] = PathSample.At(place.X, place.Z, 0f);
            var (time, before) = (0f, transform.position);
            for (var index = 0; index < count; index++)
            {
                var way = points[index] - before;
                way.y = 0f;
                time += way.magnitude / Mathf.Max(speed, 0.01f);
                before = points[index];
                samples[index + 1] = PathSample.At(-before.x, before.z, time);
            }

            held.SetPath(samples.Slice(0, count + 1));
            replan = true;
        }

        /// <summary>Moves with a velocity; only with <see cref="PathSource.Script"/>, until a path is set.</summary>
        /// <param name="metresPerSecond">in the world.</param>
        /// <param name="yaw">degrees that the character faces; null to face along its way.</param>
        public void SetVelocity(Vector3 metresPerSecond, float? yaw = null)
        {
            held.SetPath(ReadOnlySpan<PathSample>.Empty);
            velocity.Velocity = metresPerSecond;
            velocity.Facing = yaw is float degrees ? (float)Coordinates.YawToHeading(degrees) : (float?)null;
        }

        /// <summary>Goes on elsewhere: pose and movement stay.</summary>
        public void Teleport(Vector3 position, float yaw)
        {
            transform.SetPositionAndRotation(position, Quaternion.Euler(0f, yaw, 0f));
            Character?.Teleport(StrutSpace.PlacementOf(position, yaw));
        }

        internal void Enter(StrutSceneVolume volume)
        {
            volumes.Add(volume);
            MarkChanged();
        }

        internal void Leave(StrutSceneVolume volume)
        {
            if (volumes.Remove(volume))
            {
                MarkChanged();
            }
        }

        // A volume that is switched off tells nobody that its characters have left it.
        internal void LeaveAll(StrutSceneVolume volume)
        {
            if (volumes.RemoveAll(entered => entered == volume) > 0)
            {
                MarkChanged();
            }
        }

        void IControlSource.Advance(double seconds) => ((IControlSource)held).Advance(seconds);

        bool IControlSource.TakeReplan()
        {
            // Also asked so that it does not stay set.
            var wanted = held.TakeReplan() | replan | (pathSource != PathSource.NavMeshAgent && velocity.Refresh());
            replan = false;
            return wanted;
        }

        void IControlSource.Plan(in ControlQuery query, ControlPlan plan)
        {
            held.Controls = controls;
            held.Plan(query, plan);
            if (pathSource == PathSource.NavMeshAgent && navigation != null)
            {
                navigation.Plan(query, plan);
            }
            else if (plan.SampleCount == 0)
            {
                velocity.Plan(query, plan);
            }
        }

        private void Awake()
        {
            agent = GetComponent<NavMeshAgent>();
            controller = GetComponent<CharacterController>();
            renderers = GetComponentsInChildren<Renderer>();
            navigation = agent != null ? new NavMeshPathSource(agent) : null;
        }

        private void OnEnable()
        {
            var client = StrutConnection.Instance != null ? StrutConnection.Instance.Client : null;
            if (client == null)
            {
                return;
            }

            try
            {
                applier = MakeApplier();
            }
            catch (Exception error) when (error is ArgumentException || error is FormatException)
            {
                Debug.LogError($"Strut: {name} has no usable rig map: {error.Message}", this);
                return;
            }

            Character = client.Add(new CharacterSettings
            {
                Name = name.Length <= 64 ? name : name.Substring(0, 64),
                Place = StrutSpace.PlacementOf(transform),
                Controls = this,
                Passive = passive,
            });
            if (agent != null && rootMode == RootMode.MotionDrives)
            {
                agent.updatePosition = false;
                agent.updateRotation = false;
            }
        }

        private void OnDisable()
        {
            if (Character != null && StrutConnection.Existing != null)
            {
                StrutConnection.Existing.Client?.Remove(Character);
            }

            Character = null;
            applier?.Dispose();
            applier = null;
        }

        // The connection's Update came before: the pose is that of this frame.
        private void Update()
        {
            if (Character == null || applier == null)
            {
                return;
            }

            PrepareControls();
            Character.Detail = Detail(out var priority);
            Character.Priority = priority;
            MoveRoot(Character);
            if (!applier.AfterAnimation)
            {
                Pose(Character, applier);
            }
        }

        private void LateUpdate()
        {
            if (Character != null && applier != null && applier.AfterAnimation)
            {
                Pose(Character, applier);
            }
        }

        private void OnValidate() => MarkChanged();

        private void Set<T>(ref T field, T value)
        {
            if (!EqualityComparer<T>.Default.Equals(field, value))
            {
                field = value;
                MarkChanged();
            }
        }

        private void PrepareControls()
        {
            // What may be asked for is another server's to say when another one serves.
            var server = StrutConnection.Existing != null ? StrutConnection.Existing.Client?.Server : null;
            if (controlsChanged || !ReferenceEquals(server, preparedFor))
            {
                controlsChanged = false;
                preparedFor = server;
                controls.Content = new V1.Content { Label = content, Gesture = gesture };
                controls.Style = StyleMessages.Mix(styles, strength, parts);
                controls.Scene = Scene(server);
                controls.MinSteps = leastSteps > 0 ? (uint)leastSteps : (uint?)null;
                controls.Steps = steps > 0 ? (uint)Mathf.Max(steps, leastSteps) : (uint?)null;
            }

            if (pathSource == PathSource.CharacterController && controller != null)
            {
                velocity.Velocity = controller.velocity;
                velocity.Facing = (float)Coordinates.YawToHeading(transform.eulerAngles.y);
            }

            replan |= pathSource == PathSource.NavMeshAgent && navigation != null && navigation.Refresh();
        }

        private V1.SceneControl? Scene(V1.ServerHello? server)
        {
            StrutSceneVolume? strongest = null;
            foreach (var volume in volumes)
            {
                strongest = strongest == null || volume.Priority >= strongest.Priority ? volume : strongest;
            }

            return strongest != null
                ? Scenes.Control(server, strongest.Preset, strongest.Text, strongest.Alpha)
                : Scenes.Control(server, scenePreset, sceneText, sceneAlpha);
        }

        private LevelOfDetail Detail(out uint priority)
        {
            priority = 0;
            var camera = Camera.main;
            if (camera == null)
            {
                return LevelOfDetail.Near;
            }

            if (cullUnseen && renderers.Length > 0 && !AnySeen())
            {
                return LevelOfDetail.Culled;
            }

            var distance = Vector3.Distance(camera.transform.position, transform.position);
            priority = (uint)Mathf.Clamp(distance, 0f, 1000f);
            return distance > farDistance ? LevelOfDetail.Far : LevelOfDetail.Near;
        }

        private bool AnySeen()
        {
            for (var index = 0; index < renderers.Length; index++)
            {
                if (renderers[index] != null && renderers[index].isVisible)
                {
                    return true;
                }
            }

            return false;
        }

        private void MoveRoot(Character character)
        {
            if (rootMode != RootMode.MotionDrives)
            {
                var share = rootMode == RootMode.GameDrives ? 1f : rootBlend;
                character.Follow(StrutSpace.PlacementOf(transform), Time.deltaTime, share);
                return;
            }

            var place = character.Place;
            var wanted = StrutSpace.PositionOf(place, transform.position.y);
            if (controller != null && controller.enabled)
            {
                controller.Move(wanted - transform.position + Physics.gravity * (Time.deltaTime * Time.deltaTime));
                transform.rotation = StrutSpace.RotationOf(place);
                CorrectIfBlocked(character, wanted);
            }
            else if (agent != null && agent.isOnNavMesh)
            {
                agent.nextPosition = wanted;
                var kept = agent.nextPosition;
                transform.SetPositionAndRotation(kept, StrutSpace.RotationOf(place));
                CorrectIfBlocked(character, wanted);
            }
            else
            {
                transform.SetPositionAndRotation(wanted, StrutSpace.RotationOf(place));
            }
        }

        // Collision, or the edge of the navigation mesh, kept the object from where the motion is.
        private void CorrectIfBlocked(Character character, Vector3 wanted)
        {
            const float tolerance = 0.01f;
            var off = transform.position - wanted;
            if (off.x * off.x + off.z * off.z > tolerance * tolerance)
            {
                character.CorrectRoot(StrutSpace.PlacementOf(transform));
            }
        }

        private void Pose(Character character, IPoseApplier target)
        {
            using (StrutProfiler.Pose.Auto())
            {
                // What is left between the root of the motion and the object: nothing in MotionDrives.
                var inverse = Quaternion.Inverse(transform.rotation);
                var place = character.Place;
                var offset = inverse * StrutSpace.RotationOf(place);
                var shift = inverse * (StrutSpace.PositionOf(place, transform.position.y) - transform.position);
                target.Apply(character.Pose, offset, shift, weight);
            }
        }

        private IPoseApplier MakeApplier()
        {
            var animator = GetComponentInChildren<Animator>();
            var kind = output != PoseOutput.Automatic ? output
                : animator != null ? PoseOutput.AnimationJob
                : PoseOutput.Transforms;
            if (kind == PoseOutput.HumanPose)
            {
                return animator != null && animator.isHuman
                    ? new HumanPoseApplier(animator)
                    : throw new ArgumentException("the output HumanPose needs an Animator with a humanoid avatar");
            }

            var capture = RigCapture.Of(transform, animator != null ? animator.avatar : null);
            var map = rigMap != null && !rigMap.IsEmpty ? rigMap.Read() : AutoMap.Make(capture.Rig, EngineSpace.Unity, out _);
            var pose = new RigPose(capture, map);
            if (kind == PoseOutput.Transforms || animator == null)
            {
                return new TransformApplier(pose);
            }

            animator.applyRootMotion = false;
            return new AnimationJobApplier(pose, animator);
        }
    }
}
