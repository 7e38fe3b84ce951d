#nullable enable
using Strut.V1;

namespace Strut.Core
{
    /// <summary>Scenes as far as a server takes them: what it does not know it would refuse, and the character with it.</summary>
    public static class Scenes
    {
        /// <summary>Most characters of a text.</summary>
        public const int MaxText = 500;

        /// <summary>A scene by its name or in words; null where there is none, or the server takes none of the kind.</summary>
        /// <param name="server">who serves; null before its hello, when nothing is known yet.</param>
        /// <param name="preset">a scene preset's name; counts where the server reads no texts.</param>
        /// <param name="text">the scene in words, such as a windy ridge at night; empty for the preset.</param>
        /// <param name="alpha">how strongly the scene shows, 0 to 1.5.</param>
        public static SceneControl? Control(ServerHello? server, string preset, string text, float alpha)
        {
            if (server == null || !(server.Capabilities.Contains(Capability.Scene) || server.Capabilities.Contains(Capability.SceneSpeed)))
            {
                return null;
            }

            if (text.Length > 0 && server.Capabilities.Contains(Capability.SceneText))
            {
                return new SceneControl { Text = text.Length <= MaxText ? text : text.Substring(0, MaxText), Alpha = alpha };
            }

            return preset.Length == 0 ? null : new SceneControl { Preset = preset, Alpha = alpha };
        }
    }
}
