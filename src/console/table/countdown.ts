/** The time until a row expires, counting down. */
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { formatDateTime, formatDuration } from '../formats.js';
import { html } from '../parts/html.js';

interface CountdownProps {
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | null;
  /** Shown for a row without an expiry. */
  readonly none: string;
  readonly onExpired?: () => void;
}

export function Countdown({ expiresAt, none, onExpired }: CountdownProps): VNode {
  const [now, setNow] = useState(Date.now);
  const isOver = expiresAt !== null && expiresAt <= now;
  useEffect(() => {
    if (expiresAt === null || isOver) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [expiresAt, isOver]);
  useEffect(() => {
    if (isOver) onExpired?.();
  }, [isOver]);
  if (expiresAt === null) return html`<span>${none}</span>`;
  // A time that the calendar of the browser does not have is only counted.
  const at = expiresAt <= 8.64e15 ? formatDateTime(expiresAt) : undefined;
  return html`<span class="countdown" title=${at}>${isOver ? 'expired' : formatDuration((expiresAt - now) / 1000)}</span>`;
}
