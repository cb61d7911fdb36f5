//! The help of every command.

use crate::console::{Console, commands, too_wide};

#[test]
fn every_command_explains_itself_in_80_columns() {
    let console = Console::new();
    for command in commands().iter().map(String::as_str).chain([""]) {
        let help = console.run(&format!("{command} --help"));
        assert_eq!((help.exit_code, help.told.as_str()), (0, ""), "{command}");
        assert_eq!(too_wide(&help.said), Vec::<&str>::new(), "{command}");
        let name = if command.is_empty() { "all".to_owned() } else { command.replace(' ', "-") };
        console.assert_snapshot(&format!("help-{name}"), &help.said);
    }
}
