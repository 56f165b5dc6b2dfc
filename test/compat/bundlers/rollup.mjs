import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import commonjs from '@rollup/plugin-commonjs';
import nodeResolve from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import { rollup } from 'rollup';

/** Copies the compiled addons, and leaves their `require` where it is. */
const addons = {
  name: 'addons',
  load(id) {
    if (!id.endsWith('.node')) return null;
    const fileName = `${basename(dirname(id))}.node`;
    this.emitFile({ type: 'asset', fileName, source: readFileSync(id) });
    return `module.exports = require('./${fileName}');`;
  },
};

const bundle = await rollup({
  input: 'app.mjs',
  plugins: [
    addons,
    nodeResolve(),
    commonjs({ extensions: ['.js', '.node'], ignore: (id) => /^\.\/[^/]*\.node$/.test(id) }),
    terser(),
  ],
});
await bundle.write({ dir: 'out/rollup', format: 'cjs', entryFileNames: 'app.cjs' });
