// Says, honestly, what this version of Ferry can do so far.
console.log(`Ferry 0.1.0: a workspace with a seeded random-number package (packages/engine).
The training engine and the MISSRec job are not built yet; see CHANGELOG.md.`);
