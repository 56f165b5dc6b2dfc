import { build } from 'esbuild';

await build({
  entryPoints: ['app.mjs'],
  bundle: true,
  minify: true,
  platform: 'node',
  outdir: 'out/esbuild',
  // Copies the compiled addons.
  loader: { '.node': 'copy' },
});
