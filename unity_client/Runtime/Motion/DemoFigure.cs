#nullable enable
using Strut.Core;
using UnityEngine;

namespace Strut.Motion
{
    /// <summary>A figure of capsules on the canonical skeleton: something to look at without a model of one's own.</summary>
    public static class DemoFigure
    {
        private const float Thickness = 0.07f;

        /// <summary>A new figure in T-pose, standing at the origin.</summary>
        public static GameObject Make()
        {
            var root = new GameObject("Strut Demo Character");
            var joints = new Transform[Skeleton.Joints];
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                var parent = Skeleton.Parents[joint];
                var offset = parent < 0 ? new Vec3(0f, Skeleton.PelvisHeight, 0f) : Skeleton.RestOffsets[joint];
                joints[joint] = new GameObject(Skeleton.Names[joint]).transform;
                joints[joint].SetParent(parent < 0 ? root.transform : joints[parent], false);
                joints[joint].localPosition = StrutSpace.ToUnity(Coordinates.PositionTo(EngineSpace.Unity, offset));
                if (parent >= 0)
                {
                    AddLimb(joints[parent], joints[joint].localPosition);
                }
            }

            return root;
        }

        private static void AddLimb(Transform parent, Vector3 end)
        {
            var limb = GameObject.CreatePrimitive(PrimitiveType.Capsule);
            // Colliders of its own limbs would push a CharacterController away.
            DestroyNow(limb.GetComponent<Collider>());
            limb.name = "limb";
            limb.transform.SetParent(parent, false);
            limb.transform.localPosition = end * 0.5f;
            limb.transform.localRotation = Quaternion.FromToRotation(Vector3.up, end);
            limb.transform.localScale = new Vector3(Thickness, end.magnitude * 0.5f, Thickness);
        }

        private static void DestroyNow(Object unwanted)
        {
            if (Application.isPlaying)
            {
                Object.Destroy(unwanted);
            }
            else
            {
                Object.DestroyImmediate(unwanted);
            }
        }
    }
}
