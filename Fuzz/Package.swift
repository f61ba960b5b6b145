// swift-tools-version: 6.2

import PackageDescription

// A package of its own, because all of it is built with libFuzzer's instrumentation, Detour's targets too: see Fuzz/run.

let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "detour", path: "..")
    ],
    targets: [
        // What libFuzzer offers; its own `main` is not used.
        .target(name: "CFuzzer"),
        .executableTarget(
            name: "fuzz",
            dependencies: ["CFuzzer", .product(name: "FuzzTargets", package: "detour")],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)
