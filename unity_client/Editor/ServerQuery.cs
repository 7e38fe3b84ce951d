#nullable enable
using System;
using System.Threading.Tasks;
using Strut.Core;
using UnityEditor;

namespace Strut.Motion.Editor
{
    /// <summary>A question to the server from the editor: asked on another thread, answered on the main one.</summary>
    internal sealed class ServerQuery<T>
        where T : class
    {
        private Task<T>? task;

        /// <summary>The answer; null before it has come.</summary>
        public T? Answer { get; private set; }

        /// <summary>Why there is none; empty where there is, or where nothing was asked.</summary>
        public string Error { get; private set; } = "";

        public bool IsAsking => task != null;

        /// <summary>Asks; <paramref name="done"/> is called when the answer, or none, has come.</summary>
        public void Ask(Func<ServerCalls, Task<T>> question, Action done)
        {
            if (task != null)
            {
                return;
            }

            Error = "";
            try
            {
                // Settings are the engine's: read here, not on the other thread.
                var settings = StrutSettings.Load();
                var transport = StrutTransport.Make(settings);
                var connection = settings.ToConnection();
                task = Task.Run(async () =>
                {
                    try
                    {
                        return await question(new ServerCalls(transport.Connect(), connection)).ConfigureAwait(false);
                    }
                    finally
                    {
                        transport.Disconnect();
                    }
                });
            }
            catch (InvalidOperationException error)
            {
                Error = error.Message;
                done();
                return;
            }

            void Poll()
            {
                if (!task.IsCompleted)
                {
                    return;
                }

                EditorApplication.update -= Poll;
                Answer = task.Status == TaskStatus.RanToCompletion ? task.Result : null;
                Error = task.Exception != null ? Failure.Of(task.Exception).ToString() : "";
                task = null;
                done();
            }

            EditorApplication.update += Poll;
        }
    }
}
