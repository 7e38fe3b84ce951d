#nullable enable
using NUnit.Framework;
using Strut.Core;
using UnityEngine;

namespace Strut.Motion.Tests
{
    public class StrutSpaceTests
    {
        [Test]
        public void PlacesAndHeadingsComeBackAsTheyWent()
        {
            var place = StrutSpace.PlacementOf(new Vector3(3f, 1f, -2f), 70f);
            Assert.AreEqual(new Vector3(3f, 1f, -2f), StrutSpace.PositionOf(place, 1f));
            Assert.AreEqual(70f, StrutSpace.RotationOf(place).eulerAngles.y, 1e-3f);
        }

        [Test]
        public void ForwardIsTheWayThatTheHeadingFaces()
        {
            // In Strut's space a heading h faces (sin h, cos h).
            var place = StrutSpace.PlacementOf(Vector3.zero, 30f);
            var forward = StrutSpace.RotationOf(place) * Vector3.forward;
            Assert.AreEqual(System.Math.Sin(place.Heading), -forward.x, 1e-4);
            Assert.AreEqual(System.Math.Cos(place.Heading), forward.z, 1e-4);
        }

        [Test]
        public void TheDemoFigureIsMappedByItsNames()
        {
            var figure = DemoFigure.Make();
            try
            {
                var capture = RigCapture.Of(figure.transform, null);
                AutoMap.Make(capture.Rig, EngineSpace.Unity, out var missing);
                CollectionAssert.IsEmpty(missing);
            }
            finally
            {
                Object.DestroyImmediate(figure);
            }
        }
    }
}
