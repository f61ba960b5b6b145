import ArgumentParser
import Foundation
import Intercept
import KubernetesClient

extension InterceptCommand {
    /// Intercepts until it is interrupted, or until the command it runs has ended.
    func intercept(_ options: InterceptOptions, _ client: KubernetesClient) async throws {
        let screen = self.screen()
        let lines = EventRenderer(format: self.output, isQuiet: self.quiet, isMirror: self.mirroring.mirror).render
        let render: @Sendable (InterceptEvent) -> Void = { event in
            if let screen { screen.note(event) } else { lines(event) }
        }
        let localSide = self.localSide
        let command = localSide.localCommand(render)
        let run = try InterceptRun(
            options: options,
            client: client,
            prepare: { side in try await localSide.prepare(side, command, client, render) },
            events: render
        )
        if let screen { return try await Self.intercept(run, on: screen) }
        guard let command else {
            try await run.run(until: { await Signals.interruption() })
            return try self.judge(run)
        }
        let outcome = await command.run(signals: Signals.each) { until in try await run.run(until: until) }
        if let failure = outcome.failure { Terminal.say("\(failure)", .error) }
        guard outcome.status == 0 else { throw ExitCode(outcome.status) }
        try self.judge(run)
    }

    /// Fails where a mirror found a difference, or nothing to compare.
    private func judge(_ run: InterceptRun) throws {
        if let summary = run.mirrorSummary, !summary.isPassed { throw ExitCode.failure }
    }

    /// The screen; nil where lines are wanted, or are all there is room for. A mirror prints what it finds, and a command
    /// has the terminal for itself.
    private func screen() -> Screen? {
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

    private static func intercept(_ run: InterceptRun, on screen: Screen) async throws {
        // However it ends, what is said afterwards is said on the terminal as it was.
        defer { screen.leave() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await screen.run(run.traffic) }
            defer { group.cancelAll() }
            try await run.run(until: {
                await withTaskGroup(of: Void.self) { stops in
                    stops.addTask { await Signals.interruption() }
                    stops.addTask { await screen.quitting() }
                    await stops.next()
                    stops.cancelAll()
                }
                screen.leave()
            })
        }
    }
}
