#nullable enable
namespace Strut.Core
{
    /// <summary>Standing at ease: what a character eases into when there is no motion. Part of the shared vectors.</summary>
    public static class IdlePose
    {
        private static readonly Vec3 Pelvis = new Vec3(0.0f, 0.9344f, -0.0f);

        private static readonly Quat[] Rotations =
        {
            new Quat(0.0f, -0.0193002651f, 0.0f, 0.999813733f),
            new Quat(-0.00659993291f, -0.0237997581f, 0.00319996747f, 0.999689838f),
            new Quat(-0.0300993964f, 0.0339993182f, -0.0132997333f, 0.998879968f),
            new Quat(-0.0818026893f, 0.000300009863f, -0.00560018411f, 0.996632765f),
            new Quat(0.0861980981f, 0.0f, 0.0f, 0.996278017f),
            new Quat(0.101404614f, 0.0f, 0.0f, 0.994845266f),
            new Quat(0.0435983618f, 0.0192992748f, -0.000699973699f, 0.998862468f),
            new Quat(-0.0797022994f, -0.0240006924f, -0.00140004039f, 0.99652875f),
            new Quat(-0.0723010831f, 0.0345005168f, 0.0119001783f, 0.996714931f),
            new Quat(0.0435983618f, 0.0192992748f, -0.000699973699f, 0.998862468f),
            new Quat(0.0f, 0.0f, 0.0f, 1.0f),
            new Quat(0.0f, 0.0f, 0.0f, 1.0f),
            new Quat(0.0293987f, 0.0311986204f, 0.0157993014f, 0.998955827f),
            new Quat(0.0f, 0.00259992689f, 0.0211994039f, 0.999771887f),
            new Quat(0.0f, 0.00249995653f, 0.02069964f, 0.999782614f),
            new Quat(0.00279998902f, 0.0f, 0.0f, 0.99999608f),
            new Quat(0.143206752f, -0.20890985f, -0.642930315f, 0.722834082f),
            new Quat(0.317601015f, 0.350801121f, 0.520001661f, 0.711102272f),
            new Quat(-0.000200009088f, -0.101404607f, -0.000300013631f, 0.994845202f),
            new Quat(0.0007000142f, 0.0966019596f, 0.00230004666f, 0.99532019f),
            new Quat(0.0f, 0.0f, 0.0f, 1.0f),
            new Quat(0.0f, 0.0f, 0.0f, 1.0f),
        };

        /// <summary>A new frame with the pose, its root at the origin and facing +Z.</summary>
        public static Frame Make()
        {
            var frame = new Frame { Pelvis = Pelvis, Contacts = Contacts.All(1f) };
            Rotations.CopyTo(frame.Rotations, 0);
            return frame;
        }
    }
}
