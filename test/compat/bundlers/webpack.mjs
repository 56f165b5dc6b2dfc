import { resolve } from 'node:path';
import webpack from 'webpack';

const options = {
  mode: 'production',
  target: 'node',
  entry: './app.mjs',
  output: { path: resolve('out/webpack'), filename: 'app.js' },
  // Copies the compiled addons.
  module: { rules: [{ test: /\.node$/, loader: 'node-loader' }] },
};

webpack(options, (error, stats) => {
  if (error) throw error;
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  for (const { message } of [...errors, ...warnings]) console.error(message);
  if (errors.length > 0 || warnings.length > 0) process.exitCode = 1;
});
