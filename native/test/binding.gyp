{
  "targets": [
    {
      "target_name": "store_trap",
      "sources": ["store_trap.cc"],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS"],
      "cflags_cc!": ["-std=gnu++14", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["-std=gnu++17", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-fno-exceptions"]
    }
  ]
}
