#nullable enable
using UnityEditor;
using UnityEngine;
using UnityEngine.AI;

namespace Strut.Motion.Editor
{
    /// <summary>Menu items that make a character, or make one of what is selected.</summary>
    internal static class MenuItems
    {
        [MenuItem("GameObject/Strut/Demo Character", false, 10)]
        private static void MakeDemo(MenuCommand command)
        {
            var root = DemoFigure.Make();
            GameObjectUtility.SetParentAndAlign(root, command.context as GameObject);
            root.AddComponent<StrutCharacter>().SetStyles(new StyleWeight { name = "youthful", weight = 1f });
            root.AddComponent<StrutDemoWalk>();
            Undo.RegisterCreatedObjectUndo(root, "Create Strut Demo Character");
            Selection.activeGameObject = root;
        }

        [MenuItem("GameObject/Strut/Make Selected a Strut Character", false, 11)]
        private static void MakeSelected()
        {
            foreach (var chosen in Selection.gameObjects)
            {
                if (chosen.GetComponent<StrutCharacter>() == null)
                {
                    Undo.AddComponent<StrutCharacter>(chosen);
                }

                if (chosen.GetComponent<NavMeshAgent>() == null)
                {
                    Debug.Log($"{chosen.name} has no NavMeshAgent: give it a path by StrutCharacter.SetPath or SetVelocity.", chosen);
                }
            }
        }

        [MenuItem("GameObject/Strut/Make Selected a Strut Character", true)]
        private static bool CanMakeSelected() => Selection.gameObjects.Length > 0;
    }
}
