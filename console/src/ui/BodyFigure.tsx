/** A body whose parts can be chosen, each with a style of its own or without. */
import { PARTS, type PartName, type StyleLook } from "../state/look";

const SHAPES: Record<PartName, string> = {
  torso: "M60 8c9 0 14 7 14 15s-5 16-14 16-14-8-14-16S51 8 60 8zM52 42h16l14 8-4 34-2 22H44l-2-22-4-34z",
  // What is left on the page is the character's right: it looks at us.
  rightArm: "M36 50l-9 6-9 34-7 30 7 4 11-28 9-22z",
  leftArm: "M84 50l9 6 9 34 7 30-7 4-11-28-9-22z",
  rightLeg: "M44 108h15l-1 30-2 34v24H42l3-26-3-32z",
  leftLeg: "M76 108H61l1 30 2 34v24h14l-3-26 3-32z",
};

interface Props {
  style: StyleLook;
  chosen: PartName | null;
  onChoose: (part: PartName | null) => void;
}

export function BodyFigure({ style, chosen, onChoose }: Props) {
  return (
    <svg className="figure" viewBox="0 0 120 204" role="group" aria-label="Body parts">
      {(Object.keys(SHAPES) as PartName[]).map((name) => {
        const own = style.parts[name], toggle = () => onChoose(chosen === name ? null : name);
        return (
          <path
            key={name} d={SHAPES[name]} role="button" tabIndex={0} aria-pressed={chosen === name}
            aria-label={`${PARTS[name].label}: ${own ? own.style || "the mix" : "as the body"}`}
            className={`part ${chosen === name ? "chosen" : ""} ${own ? "own" : ""}`}
            onClick={toggle}
            onKeyDown={(event) => {
              if (event.key !== "Enter" && event.key !== " ") return;
              event.preventDefault();
              toggle();
            }}
          />
        );
      })}
    </svg>
  );
}
