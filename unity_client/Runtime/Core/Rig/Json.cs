#nullable enable
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Strut.Core
{
    /// <summary>
    /// Reads JSON into dictionaries, lists, strings, doubles, booleans and null. Small and without reflection, so that
    /// it works alike in the editor and in a stripped build.
    /// </summary>
    public sealed class Json
    {
        private const int MaxDepth = 64;

        private readonly string text;
        private int at;

        private Json(string text) => this.text = text;

        /// <exception cref="FormatException">the text is not JSON; the message says where.</exception>
        public static object? Parse(string text)
        {
            var reader = new Json(text);
            var value = reader.Value(0);
            reader.Blank();
            return reader.at == text.Length ? value : throw reader.Error("the end");
        }

        /// <summary>The text in quotation marks, with what must be escaped.</summary>
        public static string Quote(string value)
        {
            var quoted = new StringBuilder("\"");
            foreach (var letter in value)
            {
                if (letter == '"' || letter == '\\')
                {
                    quoted.Append('\\').Append(letter);
                }
                else if (letter < ' ')
                {
                    quoted.Append("\\u").Append(((int)letter).ToString("x4", CultureInfo.InvariantCulture));
                }
                else
                {
                    quoted.Append(letter);
                }
            }

            return quoted.Append('"').ToString();
        }

        private object? Value(int depth)
        {
            if (depth > MaxDepth)
            {
                throw Error("less depth");
            }

            Blank();
            switch (Peek())
            {
                case '{':
                    return Members(depth);
                case '[':
                    return Items(depth);
                case '"':
                    return Text();
                case 't':
                    return Word("true", true);
                case 'f':
                    return Word("false", false);
                case 'n':
                    return Word("null", null);
                default:
                    return Number();
            }
        }

        private Dictionary<string, object?> Members(int depth)
        {
            var members = new Dictionary<string, object?>();
            Take('{');
            Blank();
            while (Peek() != '}')
            {
                if (members.Count > 0)
                {
                    Take(',');
                    Blank();
                }

                var name = Text();
                Blank();
                Take(':');
                members[name] = Value(depth + 1);
                Blank();
            }

            at++;
            return members;
        }

        private List<object?> Items(int depth)
        {
            var items = new List<object?>();
            Take('[');
            Blank();
            while (Peek() != ']')
            {
                if (items.Count > 0)
                {
                    Take(',');
                }

                items.Add(Value(depth + 1));
                Blank();
            }

            at++;
            return items;
        }

        private string Text()
        {
            Take('"');
            var value = new StringBuilder();
            while (Peek() != '"')
            {
                var letter = text[at++];
                value.Append(letter == '\\' ? Escaped() : letter);
            }

            at++;
            return value.ToString();
        }

        private char Escaped()
        {
            var letter = Peek();
            at++;
            switch (letter)
            {
                case 'b':
                    return '\b';
                case 'f':
                    return '\f';
                case 'n':
                    return '\n';
                case 'r':
                    return '\r';
                case 't':
                    return '\t';
                case 'u' when at + 4 <= text.Length && ushort.TryParse(
                    text.Substring(at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code):
                    at += 4;
                    return (char)code;
                case '"':
                case '\\':
                case '/':
                    return letter;
                default:
                    throw Error("an escape");
            }
        }

        private object? Word(string word, object? value)
        {
            if (string.CompareOrdinal(text, at, word, 0, word.Length) != 0)
            {
                throw Error(word);
            }

            at += word.Length;
            return value;
        }

        private double Number()
        {
            var start = at;
            while (at < text.Length && "+-.0123456789eE".IndexOf(text[at]) >= 0)
            {
                at++;
            }

            return double.TryParse(
                text.Substring(start, at - start), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw Error("a value");
        }

        private void Blank()
        {
            while (at < text.Length && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
            {
                at++;
            }
        }

        private char Peek() => at < text.Length ? text[at] : throw Error("more");

        private void Take(char letter)
        {
            if (Peek() != letter)
            {
                throw Error($"'{letter}'");
            }

            at++;
        }

        private FormatException Error(string expected) => new FormatException($"JSON: expected {expected} at character {at}");
    }
}
