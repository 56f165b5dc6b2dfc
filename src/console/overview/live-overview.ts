/** The stream of the overview, followed from the first page on, so that the charts have no gaps between pages. */
import { followEvents, type StreamState } from '../client/event-stream.js';
import { access } from '../client/session.js';
import { createStore, type Store } from '../store.js';
import type { Overview } from './overview-data.js';
import { OverviewModel, type OverviewView } from './overview-model.js';

interface LiveOverview {
  /** Undefined until the first message has arrived. */
  readonly view: OverviewView | undefined;
  readonly stream: StreamState;
  /** Since when nothing has arrived, in epoch milliseconds; undefined while messages arrive. */
  readonly lostSince: number | undefined;
}

/** A message comes every second. */
const SILENCE_MS = 10_000;
const NOTHING: LiveOverview = { view: undefined, stream: { state: 'connecting' }, lostSince: undefined };

export const liveOverview: Store<LiveOverview> = createStore(NOTHING);
let stop: (() => void) | undefined;

/** Follows the stream as long as the service grants access. */
export function followOverview(): void {
  access.subscribe(update);
  update();
}

function update(): void {
  const isGranted = access.value.state === 'granted';
  if (isGranted && stop === undefined) stop = start();
  if (isGranted || stop === undefined) return;
  stop();
  stop = undefined;
  liveOverview.set(NOTHING);
}

function start(): () => void {
  const model = new OverviewModel();
  let heardAt = Date.now();
  return followEvents({
    path: 'v1/overview',
    silenceMs: SILENCE_MS,
    onEvent: ({ type, data }) => {
      if (type !== 'overview') return;
      heardAt = Date.now();
      const overview: Overview = JSON.parse(data);
      liveOverview.set({ view: model.take(overview), stream: { state: 'open' }, lostSince: undefined });
    },
    onState: (stream) => {
      const { view, lostSince } = liveOverview.value;
      const isLost = stream.state === 'waiting' || stream.state === 'refused';
      liveOverview.set({ view, stream, lostSince: lostSince ?? (isLost ? heardAt : undefined) });
    },
  });
}
