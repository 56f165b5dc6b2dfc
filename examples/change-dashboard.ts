/** A page that shows the rows of a table, updated by Server-Sent Events whichever process changes them. */
import { Readable } from 'node:stream';
import fastify from 'fastify';
import { type Change, type Gap, Table } from 'shmtable';

const visits = Table.openOrCreate({
  name: 'visits-shown',
  capacity: 1000,
  columns: { hits: 'uint32' },
  changes: 1 << 20,
});

const PAGE = `<!doctype html>
<title>Visits</title>
<table id="rows"></table>
<script>
  const table = document.getElementById('rows');
  const show = ([key, row]) => {
    const line = document.getElementById(key) ?? table.insertRow();
    line.id = key;
    if (row === null) line.remove();
    else line.replaceChildren(...[key, row.hits].map((text) => {
      const cell = document.createElement('td');
      cell.textContent = text;
      return cell;
    }));
  };
  const events = new EventSource('/changes');
  events.addEventListener('all', ({ data }) => {
    table.replaceChildren();
    JSON.parse(data).forEach(show);
  });
  events.addEventListener('one', ({ data }) => show(JSON.parse(data)));
</script>`;

function event(type: string, data: unknown): string {
  return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** All rows, then each row as it changes; all rows again when the client was too slow. */
async function* events(changes: AsyncIterable<Change | Gap>) {
  yield event('all', [...visits]);
  for await (const change of changes) {
    if (change.type === 'gap') yield event('all', [...visits]);
    else yield event('one', [change.key, visits.get(change.key) ?? null]);
  }
}

const app = fastify();

app.get('/', (_request, reply) => reply.type('text/html').send(PAGE));

app.get('/changes', (request, reply) => {
  const changes = visits.watch(); // before reading the rows, so that no change is missed
  request.raw.on('close', () => void changes.return?.());
  return reply.type('text/event-stream').send(Readable.from(events(changes)));
});

app.get<{ Params: { page: string } }>('/visit/:page', ({ params }) => ({
  hits: visits.increment(params.page, 'hits'),
}));

console.log(await app.listen({ port: Number(process.env.PORT ?? 8080) }));

process.once('SIGTERM', () => {
  visits.close(); // ends the watches and so the open connections
  void app.close();
});
