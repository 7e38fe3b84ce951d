#nullable enable
using Strut.Core;
using UnityEditor;
using UnityEngine;

namespace Strut.Motion.Editor
{
    /// <summary>Draws the selected character's way: what it is asked to walk, and the frames that it has in hand.</summary>
    internal static class CharacterGizmos
    {
        private const int FramesAhead = 24;

        private static readonly ControlPlan Plan = new ControlPlan();

        [DrawGizmo(GizmoType.Selected | GizmoType.InSelectionHierarchy)]
        private static void Draw(StrutCharacter component, GizmoType type)
        {
            if (!(component.Character is Character character))
            {
                return;
            }

            var height = component.transform.position.y + 0.02f;
            Gizmos.color = new Color(0.3f, 0.9f, 0.4f);
            Plan.Clear();
            ((IControlSource)component).Plan(new ControlQuery(0, character.Place, 0f, 0f, FramesAhead), Plan);
            for (var index = 0; index < Plan.SampleCount; index++)
            {
                var sample = Plan[index];
                if (sample.HasPlace)
                {
                    Gizmos.DrawWireSphere(StrutSpace.PositionOf(new Placement(sample.X, sample.Z, 0), height), 0.05f);
                }
            }

            Gizmos.color = new Color(0.95f, 0.75f, 0.3f);
            var before = component.transform.position;
            var first = (long)System.Math.Floor(character.Playhead);
            for (var number = first; number < first + FramesAhead && number < first + character.LeadSeconds * Constants.Fps; number++)
            {
                var frame = character.FrameAt(number);
                var place = new Placement(character.Anchor.X + frame.RootX, character.Anchor.Z + frame.RootZ, frame.Heading);
                var there = StrutSpace.PositionOf(place, height);
                Gizmos.DrawLine(before, there);
                before = there;
            }
        }
    }
}
