import ArgumentParser
import Foundation
import Intercept
import KubernetesClient
import Synchronization

extension InterceptCommand {
    /// Intercepts until it is interrupted, or until the command it runs has ended.
    func intercept(
        _ options: InterceptOptions,
        _ client: KubernetesClient,
        _ guardian: Guardian,
        _ screen: Screen?,
        _ render: @escaping @Sendable (InterceptEvent) -> Void
    ) async throws {
        let localSide = self.localSide
        let isReady = Mutex(false)
        let interruptions = Interruptions(options, namespace: client.namespace) { guardian.isThere }
        let note: @Sendable (InterceptEvent) -> Void = { event in
            switch event {
            case .ready:
                isReady.withLock { $0 = true }
                interruptions.ready()
            case .restored: interruptions.restored()
            default: break
            }
            render(event)
        }
        let command = localSide.localCommand(note)
        let run = try InterceptRun(
            options: options,
            client: client,
            guarding: guardian.watch,
            prepare: { side in try await localSide.prepare(side, command, client, note) },
            events: note
        )
        if let command {
            let outcome = await command.run(signals: Signals.each) { until in try await run.run(until: until) }
            if let failure = outcome.failure { Terminal.say("\(failure)", .error) }
            guard outcome.status == 0 else { throw ExitCode(outcome.status) }
        } else {
            // However it ends, what is said afterwards is said on the terminal as it was.
            defer { screen?.leave() }
            try await Self.run(run, on: screen, interruptions)
        }
        guard isReady.withLock({ $0 }) else {
            Terminal.say("ended before the intercept was ready")
            throw interruptions.status.map { ExitCode($0) } ?? .failure
        }
        try self.judge(run)
    }

    /// Fails where a mirror found a difference, or nothing to compare.
    private func judge(_ run: InterceptRun) throws {
        if let summary = run.mirrorSummary, !summary.isPassed { throw ExitCode.failure }
    }

    /// The screen; nil where lines are wanted, or are all there is room for. A mirror prints what it finds, and a command
    /// has the terminal for itself.
    func screen() -> Screen? {
        guard !self.noScreen, !self.quiet, self.output == .table, !self.mirroring.mirror,
            self.localSide.command.isEmpty, Terminal.takesScreen
        else { return nil }
        let terminal = RawTerminal(input: STDIN_FILENO, output: STDOUT_FILENO)
        guard let size = terminal.size, size.columns >= ScreenModel.smallest.columns,
            size.rows >= ScreenModel.smallest.rows
        else { return nil }
        return Screen(
            terminal: terminal,
            isColoured: Terminal.isColoured,
            lines: EventRenderer(format: self.output, isQuiet: self.quiet, isMirror: false).render
        )
    }

    /// Runs it until a signal or the key for it; further signals are answered.
    private static func run(_ run: InterceptRun, on screen: Screen?, _ interruptions: Interruptions) async throws {
        let (stopping, stop) = AsyncStream<Void>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await Signals.each { signal in
                    switch interruptions.next(signal) {
                    case .leave: stop.finish()
                    case .say(let text): Terminal.say(text)
                    case .abandon(let text):
                        Terminal.say(text, .warning)
                        Foundation.exit(interruptions.status ?? 1)
                    }
                }
            }
            if let screen {
                group.addTask { await screen.run(run.traffic) }
                group.addTask {
                    await screen.quitting()
                    stop.finish()
                }
            }
            defer { group.cancelAll() }
            try await run.run(until: {
                for await _ in stopping {}
                screen?.leave()
            })
        }
    }
}
