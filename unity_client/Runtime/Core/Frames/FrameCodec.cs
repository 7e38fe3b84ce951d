#nullable enable
using System;
using System.Buffers.Binary;

namespace Strut.Core
{
    /// <summary>Layout of a frame's record; the numbers are the contract's.</summary>
    public enum FrameEncoding
    {
        Float32 = 1,
        Quat48 = 2,
    }

    /// <summary>Frames as the contract's records (docs/contract.md, "Frames to the byte").</summary>
    public static class FrameCodec
    {
        private const int Float32Bytes = 28 + 16 * Skeleton.Joints;
        private const int Quat48Bytes = 20 + 6 * Skeleton.Joints;
        private const double HeadingStep = 2 * Math.PI / 65536;
        private const float SwayStep = 1e-4f;
        private const int HalfSteps = 16383;
        private const double SmallestStep = 0.70710678118654752440 / HalfSteps;

        /// <summary>Bytes of a record; 0 for an encoding that this client does not know.</summary>
        public static int RecordBytes(FrameEncoding encoding) => encoding switch
        {
            FrameEncoding.Float32 => Float32Bytes,
            FrameEncoding.Quat48 => Quat48Bytes,
            _ => 0,
        };

        /// <summary>Reads one record.</summary>
        /// <returns>false where it holds a number that is not finite.</returns>
        public static bool Read(ReadOnlySpan<byte> record, FrameEncoding encoding, Frame frame)
        {
            if (encoding == FrameEncoding.Float32)
            {
                ReadFloat32(record, frame);
            }
            else
            {
                ReadQuat48(record, frame);
            }

            return frame.IsFinite();
        }

        /// <summary>Writes one record in full precision, 380 bytes.</summary>
        public static void WriteFloat32(Frame frame, Span<byte> record)
        {
            WriteFloat(record, 0, frame.RootX);
            WriteFloat(record, 4, frame.RootZ);
            WriteFloat(record, 8, frame.Heading);
            WriteFloat(record, 12, frame.Pelvis.X);
            WriteFloat(record, 16, frame.Pelvis.Y);
            WriteFloat(record, 20, frame.Pelvis.Z);
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                var at = 24 + 16 * joint;
                var q = frame.Rotations[joint].Positive();
                WriteFloat(record, at, q.X);
                WriteFloat(record, at + 4, q.Y);
                WriteFloat(record, at + 8, q.Z);
                WriteFloat(record, at + 12, q.W);
            }

            record[376] = Byte(frame.Contacts.LeftAnkle);
            record[377] = Byte(frame.Contacts.LeftFoot);
            record[378] = Byte(frame.Contacts.RightAnkle);
            record[379] = Byte(frame.Contacts.RightFoot);
        }

        private static void ReadFloat32(ReadOnlySpan<byte> record, Frame frame)
        {
            frame.RootX = ReadFloat(record, 0);
            frame.RootZ = ReadFloat(record, 4);
            frame.Heading = ReadFloat(record, 8);
            frame.Pelvis = new Vec3(ReadFloat(record, 12), ReadFloat(record, 16), ReadFloat(record, 20));
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                var at = 24 + 16 * joint;
                frame.Rotations[joint] = new Quat(
                    ReadFloat(record, at), ReadFloat(record, at + 4), ReadFloat(record, at + 8), ReadFloat(record, at + 12));
            }

            const float scale = 1f / 255f;
            frame.Contacts = new Contacts(
                record[376] * scale, record[377] * scale, record[378] * scale, record[379] * scale);
        }

        private static void ReadQuat48(ReadOnlySpan<byte> record, Frame frame)
        {
            frame.RootX = ReadFloat(record, 0);
            frame.RootZ = ReadFloat(record, 4);
            int heading = BinaryPrimitives.ReadUInt16LittleEndian(record.Slice(12));
            frame.Heading = (float)((heading > 32768 ? heading - 65536 : heading) * HeadingStep);
            frame.Pelvis = new Vec3(
                BinaryPrimitives.ReadInt16LittleEndian(record.Slice(14)) * SwayStep,
                ReadFloat(record, 8),
                BinaryPrimitives.ReadInt16LittleEndian(record.Slice(16)) * SwayStep);
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                frame.Rotations[joint] = SmallestThree(record.Slice(18 + 6 * joint));
            }

            int contacts = BinaryPrimitives.ReadUInt16LittleEndian(record.Slice(150));
            const float scale = 1f / 15f;
            frame.Contacts = new Contacts(
                (contacts & 15) * scale, (contacts >> 4 & 15) * scale, (contacts >> 8 & 15) * scale, (contacts >> 12) * scale);
        }

        private static Quat SmallestThree(ReadOnlySpan<byte> code)
        {
            int first = BinaryPrimitives.ReadUInt16LittleEndian(code);
            int second = BinaryPrimitives.ReadUInt16LittleEndian(code.Slice(2));
            int third = BinaryPrimitives.ReadUInt16LittleEndian(code.Slice(4));
            var a = ((first & 0x7FFF) - HalfSteps) * SmallestStep;
            var b = ((second & 0x7FFF) - HalfSteps) * SmallestStep;
            var c = ((third & 0x7FFF) - HalfSteps) * SmallestStep;
            var largest = Math.Sqrt(Math.Max(1 - a * a - b * b - c * c, 0));
            var q = ((first >> 15) | (second >> 15) << 1) switch
            {
                0 => new Quat((float)largest, (float)a, (float)b, (float)c),
                1 => new Quat((float)a, (float)largest, (float)b, (float)c),
                2 => new Quat((float)a, (float)b, (float)largest, (float)c),
                _ => new Quat((float)a, (float)b, (float)c, (float)largest),
            };
            return q.Positive();
        }

        private static float ReadFloat(ReadOnlySpan<byte> bytes, int at) =>
            BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadInt32LittleEndian(bytes.Slice(at)));

        private static void WriteFloat(Span<byte> bytes, int at, float value) =>
            BinaryPrimitives.WriteInt32LittleEndian(bytes.Slice(at), BitConverter.SingleToInt32Bits(value));

        private static byte Byte(float share) => (byte)Math.Round(255 * Maths.Clamp(share, 0, 1));
    }
}
