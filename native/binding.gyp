{
  "targets": [
    {
      "target_name": "shmtable",
      "sources": [
        "addon.cc",
        "clock.cc",
        "descriptor.cc",
        "futex.cc",
        "huge_pages.cc",
        "inherited_memory.cc",
        "mapping.cc",
        "process_ends.cc",
        "system_v.cc",
        "word_watch.cc"
      ],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      # Off_t has 64 bits here in any case; this would rename the functions of files to names that musl lacks.
      "defines!": ["_FILE_OFFSET_BITS=64"],
      "cflags_cc!": ["-std=gnu++14", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["-std=gnu++17", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-fno-exceptions"],
      "conditions": [
        ["sanitize=='address'", {
          "cflags_cc": ["-fsanitize=address", "-fno-omit-frame-pointer", "-g", "-O1"],
          "ldflags": ["-fsanitize=address"]
        }, {
          # Links no library: see runtime.cc.
          "sources": ["runtime.cc"],
          "cflags!": ["-O3", "-fno-omit-frame-pointer"],
          "cflags_cc": ["-Os", "-fno-rtti", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
                        "-ffunction-sections", "-fdata-sections", "-U_FORTIFY_SOURCE"],
          "ldflags": ["-nostdlib", "-Wl,--strip-all", "-Wl,--gc-sections", "-Wl,-Bsymbolic", "-Wl,--build-id=none", "-Wl,-z,now",
                      "-Wl,-z,relro", "-Wl,--hash-style=gnu", "-Wl,--version-script=<(exports)"],
          # Arithmetic that the processor lacks, as far as the compiler calls any.
          "libraries": ["-lgcc"],
          "conditions": [
            # Functions that choose their instructions at run time need a private function of glibc.
            ["target_arch=='arm64'", { "cflags_cc": ["-mno-outline-atomics"] }]
          ]
        }]
      ]
    }
  ],
  "variables": { "sanitize%": "none", "exports": "<!(pwd)/exports.map" }
}
