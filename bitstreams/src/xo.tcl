set here [file dirname [file normalize [info script]]]
set work [file join $here _xo]
set xo [file join $here $name.xo]
file delete -force $work $xo

set list [open [file join $here $name.f]]
set sources {}
foreach source [split [string trim [read $list]] \n] { lappend sources [file join $here $source] }
close $list

create_project -force $name [file join $work project] -part $part
add_files -norecurse $sources
set_property top $kernel [current_fileset]
update_compile_order -fileset sources_1

lassign $vlnv vendor library ip version
ipx::package_project -root_dir [file join $work ip] -vendor $vendor -library $library -taxonomy /KernelIP \
    -import_files -force -set_current true
set core [ipx::current_core]
set_property name $ip $core
set_property version $version $core
set_property core_revision $revision $core
set_property display_name $name $core
set_property description "$name, configuration $hash" $core

# Vivado infers much of what follows; what it has not is added, so that nothing depends on the release.
proc bus {name} {
    set bus [ipx::get_bus_interfaces -quiet $name -of_objects $::core]
    if {$bus eq ""} { error "Vivado found no bus `$name` in the ports of $::kernel" }
    return $bus
}
proc bus_parameter {name value bus} {
    set parameter [ipx::get_bus_parameters -quiet $name -of_objects $bus]
    if {$parameter eq ""} { set parameter [ipx::add_bus_parameter $name $bus] }
    set_property value $value $parameter
}

ipx::infer_bus_interface $clock xilinx.com:signal:clock_rtl:1.0 $core
ipx::infer_bus_interface $reset xilinx.com:signal:reset_rtl:1.0 $core
ipx::infer_bus_interface $interrupt xilinx.com:signal:interrupt_rtl:1.0 $core
foreach name_of_bus [concat $control $masters] {
    bus $name_of_bus
    ipx::associate_bus_interfaces -busif $name_of_bus -clock $clock $core
}
ipx::associate_bus_interfaces -clock $clock -reset $reset $core
bus_parameter POLARITY ACTIVE_LOW [bus $reset]
# v++ decides the frequency.
bus_parameter FREQ_TOLERANCE_HZ -1 [bus $clock]
if {[ipx::get_bus_parameters -quiet FREQ_HZ -of_objects [bus $clock]] ne ""} {
    ipx::remove_bus_parameter FREQ_HZ [bus $clock]
}

foreach master $masters {
    set space [ipx::get_address_spaces -quiet $master -of_objects $core]
    if {$space eq ""} { set space [ipx::add_address_space $master $core] }
    set_property width 64 $space
    set_property range 16E $space
    set_property master_address_space_ref $master [bus $master]
    bus_parameter ID_WIDTH $id_bits [bus $master]
    # Bursts are INCR, of whole beats, and never longer than this.
    bus_parameter HAS_BURST 0 [bus $master]
    bus_parameter SUPPORTS_NARROW_BURST 0 [bus $master]
    bus_parameter MAX_BURST_LENGTH $burst_beats [bus $master]
    bus_parameter NUM_READ_OUTSTANDING $reads_outstanding [bus $master]
    bus_parameter NUM_WRITE_OUTSTANDING $writes_outstanding [bus $master]
}

set map [ipx::get_memory_maps -quiet $control -of_objects $core]
if {$map eq ""} { set map [ipx::add_memory_map $control $core] }
set block [ipx::get_address_blocks -quiet reg0 -of_objects $map]
if {$block eq ""} { set block [ipx::add_address_block reg0 $map] }
set_property range $control_bytes $block
set_property width 32 $block
set_property usage register $block
set_property slave_memory_map_ref $control [bus $control]
foreach row $registers {
    lassign $row register offset bits master meaning
    set object [ipx::add_register $register $block]
    set_property address_offset $offset $object
    set_property size $bits $object
    set_property description $meaning $object
    if {$master ne ""} {
        set_property value $master [ipx::add_register_parameter ASSOCIATED_BUSIF $object]
    }
}

set_property sdx_kernel true $core
set_property sdx_kernel_type rtl $core
set_property vitis_drc {ctrl_protocol ap_ctrl_hs} $core
set_property ipi_drc {ignore_freq_hz true} $core
# Not the part's family only: v++ decides what the kernel is built for.
set_property supported_families { } $core
set_property auto_family_support_level level_2 $core
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity -kernel $core
ipx::save_core $core
close_project -delete

package_xo -force -xo_path $xo -kernel_name $kernel -ip_directory [file join $work ip] -ctrl_protocol ap_ctrl_hs
