/** What the panels are made of: Radix components in the console's dress. */
import { Dialog as RadixDialog, Slider as RadixSlider, Switch as RadixSwitch, Tooltip as RadixTooltip } from "radix-ui";
import { type ButtonHTMLAttributes, type ReactNode, useId } from "react";

export function Section({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section className="section" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

interface SliderProps {
  label: string;
  value: number;
  min: number;
  max: number;
  step: number;
  format?: (value: number) => string;
  hideLabel?: boolean;
  onChange: (value: number) => void;
}

export function Slider({ label, value, min, max, step, format = (v) => v.toFixed(2), hideLabel, onChange }: SliderProps) {
  const text = format(value);
  return (
    <div className="slider">
      {!hideLabel && <span className="label" aria-hidden>{label}</span>}
      <RadixSlider.Root className="track" value={[value]} min={min} max={max} step={step} onValueChange={([next]) => onChange(next!)}>
        <RadixSlider.Track className="rail"><RadixSlider.Range className="range" /></RadixSlider.Track>
        <RadixSlider.Thumb className="thumb" aria-label={label} aria-valuetext={text} />
      </RadixSlider.Root>
      <output className="value">{text}</output>
    </div>
  );
}

export function Switch({ label, checked, onChange }: { label: string; checked: boolean; onChange: (on: boolean) => void }) {
  const id = useId();
  return (
    <span className="switch">
      <RadixSwitch.Root id={id} className="switch-root" checked={checked} onCheckedChange={onChange}>
        <RadixSwitch.Thumb className="switch-thumb" />
      </RadixSwitch.Root>
      <label htmlFor={id}>{label}</label>
    </span>
  );
}

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: "plain" | "primary" | "quiet";
  hint?: string;
}

export function Button({ kind = "plain", hint, children, ...rest }: ButtonProps) {
  const button = <button type="button" className={`button ${kind}`} {...rest}>{children}</button>;
  if (!hint) return button;
  return (
    <RadixTooltip.Root>
      <RadixTooltip.Trigger asChild>{button}</RadixTooltip.Trigger>
      <RadixTooltip.Portal>
        <RadixTooltip.Content className="tooltip" sideOffset={6}>{hint}</RadixTooltip.Content>
      </RadixTooltip.Portal>
    </RadixTooltip.Root>
  );
}

interface SelectProps {
  label: string;
  value: string;
  options: readonly (string | { value: string; label: string })[];
  hideLabel?: boolean;
  onChange: (value: string) => void;
}

export function Select({ label, value, options, hideLabel, onChange }: SelectProps) {
  const id = useId();
  return (
    <span className="field">
      {!hideLabel && <label htmlFor={id}>{label}</label>}
      <select id={id} aria-label={hideLabel ? label : undefined} value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map((option) => {
          const { value: key, label: text } = typeof option === "string" ? { value: option, label: option } : option;
          return <option key={key} value={key}>{text}</option>;
        })}
      </select>
    </span>
  );
}

interface DialogProps {
  title: string;
  text: string;
  open: boolean;
  onOpen: (open: boolean) => void;
  children: ReactNode;
}

export function Dialog({ title, text, open, onOpen, children }: DialogProps) {
  return (
    <RadixDialog.Root open={open} onOpenChange={onOpen}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className="overlay" />
        <RadixDialog.Content className="dialog">
          <RadixDialog.Title>{title}</RadixDialog.Title>
          <RadixDialog.Description>{text}</RadixDialog.Description>
          {children}
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

const PATHS = {
  play: "M7 4l13 8-13 8z",
  pause: "M6 4h4v16H6zM14 4h4v16h-4z",
  step: "M5 4l10 8-10 8zM17 4h3v16h-3z",
  restart: "M12 5a7 7 0 1 1-6.6 4.7M5 4v6h6",
  undo: "M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M15 14l5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  camera: "M12 3v18M3 12h18M12 3l-3 3M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3",
  target: "M12 21s7-6.2 7-11a7 7 0 0 0-14 0c0 4.800 7 11 7 11zM12 12.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z",
  pen: "M4 20l4-1L19 8l-3-3L5 16zM14 7l3 3",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  upload: "M12 16V4M7 9l5-5 5 5M4 20h16",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
  const filled = name === "play" || name === "pause" || name === "step";
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden fill={filled ? "currentColor" : "none"} stroke={filled ? "none" : "currentColor"} strokeWidth="2" strokeLinecap="round" strokeLinejoin="round">
      <path d={PATHS[name]} />
    </svg>
  );
}
