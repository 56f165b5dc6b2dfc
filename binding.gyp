{
  "targets": [
    {
      "target_name": "shmtable",
      "sources": [
        "native/addon.cc",
        "native/clock.cc",
        "native/descriptor.cc",
        "native/futex.cc",
        "native/huge_pages.cc",
        "native/inherited_memory.cc",
        "native/mapping.cc",
        "native/process_ends.cc",
        "native/system_v.cc",
        "native/word_watch.cc"
      ],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS", "_FILE_OFFSET_BITS=64",
                  "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags_cc!": ["-std=gnu++14", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["-std=gnu++17", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-fno-exceptions"],
      "conditions": [
        ["sanitize=='address'", {
          "cflags_cc": ["-fsanitize=address", "-fno-omit-frame-pointer", "-g", "-O1"],
          "ldflags": ["-fsanitize=address"]
        }]
      ]
    }
  ],
  "variables": { "sanitize%": "none" }
}
