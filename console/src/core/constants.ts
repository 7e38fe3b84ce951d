/** The constants of all clients; docs/client_core.md says what they mean. */

export const FPS = 30;
export const MAX_STEP = 0.25;
export const COMMITTED = 2;
export const MIN_USABLE = 3;
export const MIN_LEAD = 0.2;
export const MAX_LEAD = 0.45;
export const LEAD_MARGIN = 0.0667;
export const INITIAL_LATENCY = 0.1;
export const INITIAL_DEVIATION = 0.05;
export const LATENCY_GAIN = 0.125;
export const DEVIATION_GAIN = 0.25;
export const MAX_AHEAD = 8;
export const MAX_AHEAD_AT_REST = 30;
export const MIN_DEADLINE = 0.05;
export const BACK_OFF = [0.1, 0.2, 0.4, 0.5] as const;
export const RECENT_REQUESTS = 8;
export const SEAM_DECAY = 0.3;
export const EASE_DECAY = 0.2;
export const SETTLED = 30;
