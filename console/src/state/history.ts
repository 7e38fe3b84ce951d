/** Undo and redo: whole states, where changes that follow each other within a moment are one. */

const MOMENT = 600;
const MOST = 100;

export class History<State> {
  private past: State[] = [];
  private future: State[] = [];
  private changedAt = -Infinity;
  private kind = "";

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  /**
   * Remembers a state that is about to change.
   * @param before the state before.
   * @param kind what changes: a slider's name; changes of one kind within a moment are undone together.
   * @param now milliseconds.
   */
  remember(before: State, kind: string, now: number): void {
    const together = kind === this.kind && now - this.changedAt < MOMENT && this.past.length > 0;
    this.kind = kind;
    this.changedAt = now;
    this.future = [];
    if (together) return;
    this.past = [...this.past, before].slice(-MOST);
  }

  /** The state before `now`; null where there is none. */
  undo(now: State): State | null {
    return this.step(this.past, this.future, now);
  }

  /** The state that was undone last; null where there is none. */
  redo(now: State): State | null {
    return this.step(this.future, this.past, now);
  }

  private step(from: State[], to: State[], now: State): State | null {
    const state = from.pop();
    if (state === undefined) return null;
    to.push(now);
    this.kind = "";
    return state;
  }
}
