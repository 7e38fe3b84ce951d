#nullable enable
using NUnit.Framework;
using Strut.Core;
using UnityEngine;

namespace Strut.Motion.Tests
{
    public class RigMapTests
    {
        [Test]
        public void AnAssetKeepsItsMap()
        {
            var figure = DemoFigure.Make();
            var asset = ScriptableObject.CreateInstance<StrutRigMap>();
            try
            {
                var map = AutoMap.Make(RigCapture.Of(figure.transform, null).Rig, EngineSpace.Unity, out _);
                asset.Write(map);
                Assert.AreEqual(map.Bones.Count, asset.Read().Bones.Count);
            }
            finally
            {
                Object.DestroyImmediate(figure);
                Object.DestroyImmediate(asset);
            }
        }
    }
}
