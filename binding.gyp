{
  # Builds the addon from the top of the repository. The package has only native/binding.gyp: npm compiles any dependency
  # that has a binding.gyp in its root.
  "targets": [
    {
      "target_name": "addon",
      "type": "none",
      "dependencies": ["native/binding.gyp:shmtable"]
    }
  ]
}
