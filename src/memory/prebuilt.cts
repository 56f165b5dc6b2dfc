/**
 * The compiled addon of this platform. A CommonJS module, because bundlers find and copy a file that is required by a
 * literal name; each file serves glibc and musl.
 *
 * @throws when there is none for this platform, or it cannot be loaded
 */
function loadPrebuilt(): unknown {
  if (process.platform === 'linux' && process.arch === 'x64') {
    return require('../../../prebuilds/linux-x64/shmtable.node');
  }
  if (process.platform === 'linux' && process.arch === 'arm64') {
    return require('../../../prebuilds/linux-arm64/shmtable.node');
  }
  throw new Error('the package contains those of linux-x64 and linux-arm64 only');
}

export = loadPrebuilt;
