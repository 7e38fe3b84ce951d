#nullable enable
using UnityEditor;

namespace Strut.Motion.Editor
{
    /// <summary>Ends the connection before scripts are reloaded and when play mode ends, so that no thread is left behind.</summary>
    [InitializeOnLoad]
    internal static class ReloadGuard
    {
        static ReloadGuard()
        {
            AssemblyReloadEvents.beforeAssemblyReload += StrutConnection.End;
            EditorApplication.playModeStateChanged += OnPlayModeChanged;
        }

        private static void OnPlayModeChanged(PlayModeStateChange change)
        {
            if (change == PlayModeStateChange.ExitingPlayMode)
            {
                StrutConnection.End();
            }
        }
    }
}
