# A stand-in for Vivado: tclsh vivado.tcl SCRIPT INFERS
#
# Runs a packaging script with every Vivado command replaced by one that checks that what it is given exists, and prints what
# was done, a fact a line with tabs between its words. Buses come from the ports of the Verilog that was added, as in Vivado;
# INFERS says whether Vivado found address spaces, the register block and parameters as well (`all`) or buses only (`buses`).
lassign $argv script infers

# Vivado 2021 has Tcl 8.5: what came later is not there.
foreach later {coroutine lmap tailcall throw try yield yieldto zlib} { catch { rename $later {} } }

namespace eval ipx {}
set objects {}
set files {}
set top {}
proc fact {args} { puts [join $args \t] }
proc options {arguments named} {
    # Splits arguments into a dict of options and a list of words; `named` options take a value.
    set options {}
    set words {}
    for {set i 0} {$i < [llength $arguments]} {incr i} {
        set word [lindex $arguments $i]
        if {$word in $named} {
            dict set options $word [lindex $arguments [incr i]]
        } elseif {[string match -* $word] && ![string is integer $word]} {
            dict set options $word 1
        } else {
            lappend words $word
        }
    }
    return [list $options $words]
}
proc made {object} {
    if {$object in $::objects} { error "$object is there already" }
    lappend ::objects $object
    return $object
}
proc there {object} {
    if {$object ni $::objects} { error "there is no object `$object`" }
    return $object
}
proc found {object quiet} {
    if {$object in $::objects} { return $object }
    if {!$quiet} { error "there is no object `$object`" }
}

proc create_project {args} {
    lassign [options $args -part] options words
    fact part [dict get $options -part]
}
proc add_files {args} {
    lassign [options $args {}] options words
    foreach file [lindex $words 0] {
        if {![file isfile $file]} { error "there is no file $file" }
        lappend ::files $file
        fact file $file
    }
}
proc current_fileset {} { return fileset }
proc update_compile_order {args} {}
proc close_project {args} {}
proc set_property {name value object} {
    if {$object eq "fileset"} {
        if {$name eq "top"} { set ::top $value }
        return
    }
    fact set [there $object] $name $value
}

proc ports {} {
    foreach file $::files {
        if {[file rootname [file tail $file]] ne $::top} continue
        set channel [open $file]
        set text [read $channel]
        close $channel
        set ports {}
        foreach {all port} [regexp -all -inline {(?:input|output)\s+wire\s+(?:\[[^]]*\]\s*)?(\w+)} $text] {
            lappend ports $port
        }
        return $ports
    }
    error "no file that was added has the top module `$::top`"
}
proc ipx::package_project {args} {
    lassign [options $args {-root_dir -vendor -library -taxonomy -set_current}] options words
    fact package [dict get $options -vendor] [dict get $options -library]
    made core
    foreach port [ports] {
        if {![regexp {^(.*)_awvalid$} $port all bus]} continue
        made bus:$bus
        fact bus $bus
        if {$::infers ne "all"} continue
        if {[string match m_axi_* $bus]} { made space:$bus } else { made map:$bus; made block:$bus:reg0 }
    }
}
proc ipx::current_core {} { there core }
proc ipx::infer_bus_interface {port type core} {
    there $core
    if {$port ni [ports]} { error "there is no port `$port`" }
    made bus:$port
    fact inferred $port $type
    if {$::infers ne "all"} return
    if {[string match *:reset_rtl:* $type]} { made parameter:$port:POLARITY }
    if {[string match *:clock_rtl:* $type]} { made parameter:$port:FREQ_HZ }
}
proc ipx::associate_bus_interfaces {args} {
    lassign [options $args {-busif -clock -reset}] options words
    there $words
    there bus:[dict get $options -clock]
    foreach option {-busif -reset} {
        if {![dict exists $options $option]} continue
        there bus:[dict get $options $option]
        fact associate $option [dict get $options $option] [dict get $options -clock]
    }
}

proc under {object kind} {
    # The part of a handle that names it within its core: `bus:m_axi_gmem0` is `m_axi_gmem0`.
    if {![string match $kind:* [there $object]]} { error "`$object` is no $kind" }
    return [string range $object [string length $kind:] end]
}
foreach {command kind owner} {
    get_bus_interfaces bus core
    get_address_spaces space core
    get_memory_maps map core
    get_address_blocks block map
    get_bus_parameters parameter bus
} {
    proc ipx::$command {args} [format {
        lassign [options $args -of_objects] options words
        set owner [there [dict get $options -of_objects]]
        set prefix [expr {$owner eq "core" ? "" : "[under $owner %2$s]:"}]
        found %1$s:$prefix[lindex $words 0] [dict exists $options -quiet]
    } $kind $owner]
}
proc ipx::add_address_space {name core} { there $core; made space:$name }
proc ipx::add_memory_map {name core} { there $core; made map:$name }
proc ipx::add_address_block {name map} { made block:[under $map map]:$name }
proc ipx::add_bus_parameter {name bus} { made parameter:[under $bus bus]:$name }
proc ipx::remove_bus_parameter {name bus} {
    set parameter [there parameter:[under $bus bus]:$name]
    set ::objects [lsearch -all -inline -not -exact $::objects $parameter]
    fact removed $parameter
}
proc ipx::add_register {name block} {
    under $block block
    fact register $name $block
    made register:$name
}
proc ipx::add_register_parameter {name register} { made association:[under $register register]:$name }

foreach {command} {create_xgui_files update_checksums save_core} {
    proc ipx::$command {core} [format {there $core; fact done %s} $command]
}
proc ipx::check_integrity {args} { fact done check_integrity }
proc package_xo {args} {
    lassign [options $args {-xo_path -kernel_name -ip_directory -ctrl_protocol}] options words
    dict for {option value} $options { fact xo $option $value }
}
set argv0 $script
source $script
foreach object $objects {
    if {[regexp {^parameter:} $object]} { fact has $object }
}
