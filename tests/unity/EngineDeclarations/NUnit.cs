using System;
using System.Collections;

namespace NUnit.Framework
{
    [AttributeUsage(AttributeTargets.Method)] public class TestAttribute : Attribute { }

    public class Assert
    {
        public static void AreEqual(object expected, object actual) => throw null;
        public static void AreEqual(double expected, double actual, double delta) => throw null;
    }

    public class CollectionAssert { public static void IsEmpty(IEnumerable collection) => throw null; }
}
