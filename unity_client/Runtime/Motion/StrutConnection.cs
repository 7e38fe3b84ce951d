#nullable enable
using System;
using Strut.Core;
using UnityEngine;

namespace Strut.Motion
{
    /// <summary>
    /// The one connection of a game process. Made when the first character needs it; survives scene loads; ends with
    /// play mode, with a domain reload, and with the game, without waiting for the network. Main thread.
    /// </summary>
    [AddComponentMenu("Strut/Strut Connection")]
    [DefaultExecutionOrder(-1000)]
    [DisallowMultipleComponent]
    public sealed class StrutConnection : MonoBehaviour
    {
        private static StrutConnection? instance;
        private static bool quitting;

        private string? reported;

        /// <summary>The client; null where there is none, such as on a dedicated server or without a transport.</summary>
        public Client? Client { get; private set; }

        /// <summary>The connection, if one was made already.</summary>
        public static StrutConnection? Existing => instance;

        /// <summary>Whether this process may have a connection: dedicated servers pose nobody.</summary>
        public static bool IsWanted
        {
            get
            {
#if UNITY_SERVER
                return false;
#else
                return !quitting && Application.isPlaying;
#endif
            }
        }

        /// <summary>The connection, made where there is none yet; null where none is wanted.</summary>
        public static StrutConnection? Instance
        {
            get
            {
                if (instance == null && IsWanted)
                {
                    instance = new GameObject("Strut Connection").AddComponent<StrutConnection>();
                }

                return instance;
            }
        }

        /// <summary>Ends the connection, if there is one, without waiting for the network.</summary>
        public static void End()
        {
            if (instance != null)
            {
                instance.Dispose();
            }
        }

        // Without a domain reload statics outlive play mode.
        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.SubsystemRegistration)]
        private static void ResetStatics()
        {
            End();
            instance = null;
            quitting = false;
            StrutTransport.Reset();
        }

        private void Awake()
        {
            if (instance != null && instance != this)
            {
                Destroy(this);
                return;
            }

            instance = this;
            DontDestroyOnLoad(gameObject);
            Application.quitting += OnQuit;
            try
            {
                var settings = StrutSettings.Load();
                Client = new Client(StrutTransport.Make(settings), settings.ToConnection());
            }
            catch (Exception error)
            {
                // Characters stand at ease without a client; the game goes on.
                Debug.LogError($"Strut: {error.Message}", this);
            }
        }

        private void Update()
        {
            if (Client == null)
            {
                return;
            }

            using (StrutProfiler.Update.Auto())
            {
                Client.Update(Time.deltaTime, Time.timeScale);
            }

            StrutProfiler.Sample(Client);
            Report(Client.LastFailure);
        }

        private void OnDestroy()
        {
            Application.quitting -= OnQuit;
            Dispose();
            if (instance == this)
            {
                instance = null;
            }
        }

        private static void OnQuit()
        {
            quitting = true;
            End();
        }

        private void Dispose()
        {
            Client?.Dispose();
            Client = null;
        }

        // Once for each new reason, not once a frame.
        private void Report(Failure? failure)
        {
            var reason = failure?.Reason;
            if (reason != reported)
            {
                reported = reason;
                if (failure is Failure known)
                {
                    Debug.LogWarning($"Strut: {known}", this);
                }
            }
        }
    }
}
